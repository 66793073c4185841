import { posix } from 'node:path'
import type { V1Container, V1HostAlias, V1SecretVolumeSource, V1VolumeMount } from '@kubernetes/client-node'
import type { Definition, Mount, Service, SourceMount } from '#contract'
import type { WorkspaceSpec } from '../../driver'
import { plainPath, sourceMount } from '../../shared/folders'
import { hostNames, inStartOrder, neededServices } from '../../shared/services'
import { dataPath, serviceContainer } from './anatomy'
import { serviceSecurity } from './container-options'
import { endedCommand, onceVolume, runsOnce, wrapped } from './once'
import { passingMount } from './passing'
import { literal, memoryOf, securityContext } from './pod'
import { serviceResources, type Unsaid } from './service-resources'
import { fileMounts } from './written-files'

/** Times that a service is asked whether it is well before what depends on it is started all the same. */
const ATTEMPTS = 240

/** Waits until its arguments, a command, succeed; then, or after a while, what comes after it in the pod is started. */
const untilWell = `attempts=0
until "$@" >/dev/null 2>&1; do
  attempts=$((attempts + 1))
  [ "$attempts" -ge ${ATTEMPTS} ] && exit 0
  sleep 0.5 2>/dev/null || sleep 1
done`

export interface ServiceVolume {
  readonly name: string
  readonly source:
    | { readonly emptyDir: { readonly medium?: string; readonly sizeLimit?: string } }
    | { readonly secret: V1SecretVolumeSource }
}

export interface PodServices {
  /** Those that do their work before anything else, in the order in which they do. */
  readonly first: readonly V1Container[]
  /** In the order in which they start: a node starts each when the one before it is up. */
  readonly containers: readonly V1Container[]
  readonly volumes: readonly ServiceVolume[]
  readonly hostAliases?: readonly V1HostAlias[]
}

/** Key of a service's variable in the workspace's Secret. */
export const serviceKey = (service: string, name: string) => `service.${service}.${name}`

/** The containers of a workspace's pod beside its own. `variables`: of each service, filled in. */
export function podServices(
  spec: WorkspaceSpec,
  secretName: string,
  variables: ReadonlyMap<
    string,
    { readonly plain: Readonly<Record<string, string>>; readonly secret: readonly string[] }
  >,
  unsaid?: Unsaid,
): PodServices {
  const { definition } = spec
  const waitedFor = awaited(definition)
  const once = runsOnce(spec)
  const volumes: ServiceVolume[] = []
  const containerOf = (service: Service): V1Container => {
    const { name, health } = service
    const { plain = {}, secret = [] } = variables.get(name) ?? {}
    const mounts = service.mounts.flatMap((mount, index) =>
      mount.type === 'tmpfs' && mount.source !== undefined
        ? [passingMount(definition, mount)]
        : mountOf(service, mount, index, volumes),
    )
    const source = sourceOf(spec, service)
    const files = fileMounts(service.container, secretName, name)
    volumes.push(...files.volumes.map(({ name: volume, secret }) => ({ name: volume, source: { secret } })))
    const isFirst = once.first.has(name)
    const command = (service.entrypoint ?? []).map(literal)
    const args = (service.command ?? []).map(literal)
    const container: V1Container = {
      name: serviceContainer(name),
      image: spec.image.services[name] ?? service.image ?? '',
      imagePullPolicy: 'IfNotPresent',
      ...(service.entrypoint && { command }),
      ...(service.command && { args }),
      ...(service.workingFolder !== undefined && { workingDir: service.workingFolder }),
      env: [
        ...Object.entries(plain).map(([key, value]) => ({ name: key, value: literal(value) })),
        ...secret.map((key) => ({
          name: key,
          valueFrom: { secretKeyRef: { name: secretName, key: serviceKey(name, key) } },
        })),
      ],
      securityContext: serviceSecurity(
        securityContext(runsAs(spec.image.serviceUsers?.[name] ?? service.user)),
        definition,
        service,
      ),
      terminationMessagePolicy: 'FallbackToLogsOnError',
      volumeMounts: [...mounts, ...source, ...sharedMemory(service, volumes), ...files.mounts],
      ...serviceResources(service, unsaid),
      ...(health &&
        !isFirst && {
          readinessProbe: {
            exec: { command: [...health.command] },
            periodSeconds: seconds(health.interval),
            timeoutSeconds: seconds(health.timeout),
            failureThreshold: health.retries,
          },
        }),
    }
    const isWrappedHere = once.wrapped.has(name)
    const until = isWrappedHere ? endedCommand : health?.command
    const held: V1Container = {
      ...container,
      ...(until &&
        !isFirst &&
        waitedFor.has(name) && {
          lifecycle: { postStart: { exec: { command: ['/bin/sh', '-c', untilWell, 'berth', ...until] } } },
        }),
    }
    if (!isWrappedHere) return held
    volumes.push({ name: onceVolume(name), source: { emptyDir: {} } })
    return wrapped(service, held, { command, args })
  }
  const all = inStartOrder(definition.services)
  const names = hostNames(definition)
  return {
    first: all.filter(({ name }) => once.first.has(name)).map(containerOf),
    containers: all.filter(({ name }) => !once.first.has(name)).map(containerOf),
    volumes,
    ...(names.length > 0 && { hostAliases: [{ ip: '127.0.0.1', hostnames: [...names] }] }),
  }
}

const seconds = (milliseconds: number) => Math.max(1, Math.round(milliseconds / 1_000))

/** Services that something is started after, once they are well or have ended. */
function awaited(definition: Definition): ReadonlySet<string> {
  const own = definition.overrideCommand ? [] : neededServices(definition).needed
  const all = [...own, ...definition.services.flatMap((one) => one.dependsOn)]
  return new Set(all.filter(({ condition }) => condition !== 'started').map(({ service }) => service))
}

/** A node knows users by number only, see `service-users.ts`; without one the image's own runs. */
function runsAs(user: string | undefined) {
  const [, uid, gid] = /^(\d+)(?::(\d+))?$/.exec(user ?? '') ?? []
  return {
    nonRoot: uid !== undefined && uid !== '0',
    ...(uid !== undefined && { uid: Number(uid) }),
    ...(gid !== undefined && { gid: Number(gid) }),
  }
}

/** Of its own, where it asks for more than a node gives. */
function sharedMemory({ name, mounts, container }: Service, volumes: ServiceVolume[]): V1VolumeMount[] {
  const size = container?.shmSize
  if (size === undefined || mounts.some(({ target }) => target === '/dev/shm')) return []
  const volume = `memory-${name}`
  volumes.push({ name: volume, source: { emptyDir: { medium: 'Memory', sizeLimit: String(size) } } })
  return [{ name: volume, mountPath: '/dev/shm' }]
}

function mountOf(
  { name: service }: Service,
  mount: Mount,
  index: number,
  volumes: ServiceVolume[],
): V1VolumeMount[] {
  const place = { mountPath: plainPath(mount.target), ...(mount.readOnly && { readOnly: true }) }
  if (mount.type === 'bind') return []
  if (mount.type === 'volume' && mount.source) {
    return [{ name: 'data', subPath: dataPath(mount.source), ...place }]
  }
  const name = `${serviceContainer(service)}-${index}`.slice(-63).replace(/^-+/, '')
  volumes.push({ name, source: { emptyDir: mount.type === 'tmpfs' ? memoryOf(mount) : {} } })
  return [{ name, ...place }]
}

function sourceOf(spec: WorkspaceSpec, { sourceFolder, sourceMounts = [] }: Service): V1VolumeMount[] {
  const whole = sourceFolder === undefined ? [] : [{ path: '.', target: sourceFolder }]
  return sourcePlaces(spec, [...whole, ...sourceMounts])
}

/** Whether a mount is a part of the source at a place of its own; the volume's source as a whole is none. */
export const isSourcePart = ({ name, subPath }: V1VolumeMount) =>
  name === 'data' && subPath?.startsWith('source/') === true

/** Parts of the source at places of their own. */
export function sourcePlaces(spec: WorkspaceSpec, places: readonly SourceMount[]): V1VolumeMount[] {
  const folder = spec.sourceFolder ?? spec.definition.workspaceFolder
  const below = posix.relative(plainPath(sourceMount(folder)), plainPath(folder))
  return places.map(({ path, target, readOnly }) => ({
    name: 'data',
    mountPath: plainPath(target),
    subPath: posix.join('source', below, path),
    ...(readOnly && { readOnly: true }),
  }))
}
