import type {
  V1Container,
  V1PodSpec,
  V1SecurityContext,
  V1Toleration,
  V1Volume,
  V1VolumeMount,
} from '@kubernetes/client-node'
import type { Definition, KubernetesOptions, Mount, WorkspaceUser } from '#contract'
import { substituteEnvironment } from '../../../platform/variables'
import type { WorkspaceSpec } from '../../driver'
import { plainPath } from '../../shared/folders'
import { commandAfterEntrypoints, entrypointsBeside, idleCommand, runsIdle } from '../../shared/idle'
import { CONTAINER, dataPath, objectName, PREPARE, VOLUME_ROOT } from './anatomy'
import { ownSecurity, podChanges, supplementalGroups } from './container-options'
import { passingMount, passingVolumes } from './passing'
import { layOutVolume } from './prepare'
import type { Unsaid } from './service-resources'
import { isSourcePart, podServices, sourcePlaces } from './services'
import { fileMounts } from './written-files'

/**
 * What root in a container can do on Docker, without what gives a way to the node: the `baseline` Pod Security level
 * allows these. Installing packages and becoming another user need them.
 */
const rootCapabilities = [
  'AUDIT_WRITE',
  'CHOWN',
  'DAC_OVERRIDE',
  'FOWNER',
  'FSETID',
  'KILL',
  'NET_BIND_SERVICE',
  'SETFCAP',
  'SETGID',
  'SETPCAP',
  'SETUID',
  'SYS_CHROOT',
]

/** A value as the kubelet takes it for exactly that: it would fill in `$(NAME)` in commands and variables. */
export const literal = (text: string) => text.replaceAll('$', '$$$$')

/** Whom a container runs as. */
export interface RunAs {
  /** Absent: whom the image says. */
  readonly uid?: number
  readonly gid?: number
  /** What is known: the `restricted` Pod Security level wants it said. */
  readonly nonRoot: boolean
}

/**
 * Whom the workspace's own container runs as. A process that is started in a pod later runs as the pod does, so that is
 * the user of terminals; but an image's own command runs as the definition and the image want it.
 */
export function runsAs({ definition, image }: WorkspaceSpec): RunAs {
  const { user } = image
  if (!runsIdle(definition, user)) {
    const [uid, gid] = (definition.containerUser ?? '').split(':')
    if (uid && /^\d+$/.test(uid)) {
      return {
        uid: Number(uid),
        nonRoot: Number(uid) !== 0,
        ...(gid && /^\d+$/.test(gid) && { gid: Number(gid) }),
      }
    }
    if (definition.remoteUser !== undefined && definition.containerUser !== definition.remoteUser)
      return { nonRoot: false }
    // Nothing but the image itself knows, where there is no shell that could have told.
    if (!image.hasShell) return { nonRoot: user.uid !== 0 }
  }
  return asUser(user)
}

export const asUser = ({ uid, gid }: WorkspaceUser): RunAs => ({ uid, gid, nonRoot: uid !== 0 })

/** As the `restricted` Pod Security level wants it, or `baseline` for root. */
export function securityContext({ uid, gid, nonRoot }: RunAs): V1SecurityContext {
  return {
    ...(uid !== undefined && { runAsUser: uid }),
    ...(gid !== undefined && { runAsGroup: gid }),
    ...(nonRoot && { runAsNonRoot: true }),
    allowPrivilegeEscalation: false,
    capabilities: { drop: ['ALL'], ...(!nonRoot && { add: rootCapabilities }) },
  }
}

/** Where pods go and what they need to get there: the same for every pod that is about one workspace. */
export function placement(options: KubernetesOptions): Partial<V1PodSpec> {
  return {
    automountServiceAccountToken: false,
    enableServiceLinks: false,
    ...(options.nodeSelector && { nodeSelector: options.nodeSelector }),
    ...(options.tolerations && { tolerations: options.tolerations as V1Toleration[] }),
    ...(options.pullSecrets && { imagePullSecrets: options.pullSecrets.map((name) => ({ name })) }),
  }
}

/** What a container asks for; `gpu` for the one that works. */
export function resources(options: KubernetesOptions, gpu = false): Pick<V1Container, 'resources'> {
  const devices = gpu && options.gpu ? { [options.gpu.resource]: String(options.gpu.count) } : {}
  const requests = { ...definedOf(options.requests), ...devices }
  const limits = { ...definedOf(options.limits), ...devices }
  const some = (amounts: object) => Object.keys(amounts).length > 0
  if (!some(requests) && !some(limits)) return {}
  return { resources: { ...(some(requests) && { requests }), ...(some(limits) && { limits }) } }
}

function definedOf(
  amounts: Readonly<Record<string, string | undefined>> | undefined,
): Record<string, string> {
  const defined: Record<string, string> = {}
  for (const [name, value] of Object.entries(amounts ?? {})) if (value !== undefined) defined[name] = value
  return defined
}

/**
 * The variables of a definition, or of one of its services: those that name this machine's environment may be secrets.
 * What a service's image has of its own is not known, and no Compose file or devfile asks for it.
 */
export function environmentOf(
  { definition, image }: WorkspaceSpec,
  env: Readonly<Record<string, string | undefined>>,
  ofService?: Readonly<Record<string, string>>,
): { readonly plain: Record<string, string>; readonly secret: Record<string, string> } {
  const plain: Record<string, string> = {}
  const secret: Record<string, string> = {}
  const sources = { local: env, ...(!ofService && { container: image.env }) }
  for (const [name, value] of Object.entries(ofService ?? definition.containerEnv)) {
    const filled = substituteEnvironment(value, sources)
    const isSecret = /\$\{(?:localEnv|env):/.test(value)
    ;(isSecret ? secret : plain)[name] = filled
  }
  return { plain, secret }
}

export interface PodOptions {
  readonly options: KubernetesOptions
  readonly plain: Readonly<Record<string, string>>
  /** Names of the variables that are in the Secret. */
  readonly secret: readonly string[]
  readonly secretName: string
  /** What the namespace wants to be told of each service. */
  readonly unsaid?: Unsaid | undefined
  /** Variables of each service. */
  readonly services: ReadonlyMap<
    string,
    { readonly plain: Readonly<Record<string, string>>; readonly secret: readonly string[] }
  >
}

/** The pod of a workspace. */
export function podSpecOf(
  spec: WorkspaceSpec,
  { options, plain, secret, secretName, services, unsaid }: PodOptions,
): V1PodSpec {
  const { definition, image } = spec
  const idle = runsIdle(definition, image.user)
  const layout = layOutVolume(spec)
  const as = runsAs(spec)
  const { volumes, mounts } = definedMounts(spec)
  const changes = podChanges(definition)
  const isPrepared = image.hasShell
  const beside = podServices(spec, secretName, services, unsaid)
  const files = fileMounts(definition.container, secretName)
  const prepare: V1Container = {
    name: PREPARE,
    image: image.reference,
    imagePullPolicy: 'IfNotPresent',
    command: layout.prepare.map(literal),
    securityContext: securityContext(asUser(image.user)),
    volumeMounts: [{ name: 'data', mountPath: VOLUME_ROOT }],
    terminationMessagePolicy: 'FallbackToLogsOnError',
    ...resources(options),
  }
  return {
    ...placement(options),
    // Berth's idle command reaps what is orphaned; where something else is process 1, the pause process does.
    shareProcessNamespace: !idle,
    terminationGracePeriodSeconds: Math.ceil(longestGrace(definition, 30_000) / 1_000),
    securityContext: { ...changes.podSecurity, ...podSecurity(spec, as) },
    ...changes.pod,
    ...((isPrepared || beside.first.length > 0) && {
      initContainers: [...(isPrepared ? [prepare] : []), ...beside.first],
    }),
    ...((beside.hostAliases || changes.hostAliases.length > 0) && {
      hostAliases: [...(beside.hostAliases ?? []), ...changes.hostAliases],
    }),
    containers: [
      ...beside.containers,
      {
        name: CONTAINER,
        image: image.reference,
        imagePullPolicy: 'IfNotPresent',
        ...(idle
          ? { command: idleCommand(definition).map(literal), workingDir: definition.workspaceFolder }
          : ownCommand(spec)),
        env: [
          ...Object.entries(plain).map(([name, value]) => ({ name, value: literal(value) })),
          ...secret.map((name) => ({ name, valueFrom: { secretKeyRef: { name: secretName, key: name } } })),
        ],
        securityContext: ownSecurity(securityContext(as), definition),
        terminationMessagePolicy: 'FallbackToLogsOnError',
        volumeMounts: [
          ...changes.mounts,
          ...layout.mounts.map((mount) => ({ name: 'data', ...mount })),
          ...mounts,
          ...sourcePlaces(spec, definition.sourceMounts ?? []),
          ...files.mounts,
        ],
        ...resources(options, true),
      },
    ],
    volumes: [
      { name: 'data', persistentVolumeClaim: { claimName: objectName(spec.id) } },
      ...volumes,
      ...changes.volumes,
      ...files.volumes,
      ...passingVolumes(definition),
      ...beside.volumes.map(({ name, source }) => ({ name, ...source })),
    ],
  }
}

/** Of a pod's containers that come first the one that prepares the volume: the others are services. */
export function preparing({ initContainers = [] }: V1PodSpec): V1Container[] {
  return initContainers.filter(({ name }) => name === PREPARE)
}

/** Milliseconds that the containers of a workspace may take to end, at least `usual`. */
export function longestGrace({ services }: Pick<Definition, 'services'>, usual: number): number {
  return Math.max(usual, ...services.map(({ container }) => container?.stopGrace ?? 0))
}

/** What runs where it is not Berth's idle command. What is absent is as the image says. */
function ownCommand({ definition, image }: WorkspaceSpec) {
  const after = commandAfterEntrypoints(definition, image)
  if (after) return { command: after.map(literal) }
  const { entrypoint, command } = definition
  const beside = entrypointsBeside(definition, image)
  return {
    ...(entrypoint && { command: entrypoint.map(literal) }),
    ...(command && { args: command.map(literal) }),
    ...(beside && { lifecycle: { postStart: { exec: { command: [...beside] } } } }),
  }
}

/**
 * A pod that has the workspace's source and home where the workspace has them, and does nothing. It needs next to
 * nothing, and asks only where the namespace wants it said.
 */
export function filesPodSpec(
  template: V1PodSpec,
  command: readonly string[],
  amounts: Pick<KubernetesOptions, 'requests' | 'limits'> = {},
): V1PodSpec {
  const container = template.containers.find(({ name }) => name === CONTAINER)
  if (!container) throw new Error('a workspace has a container')
  const modest = ({ resources: _, ...rest }: V1Container): V1Container => ({ ...rest, ...resources(amounts) })
  const { env: _, volumeMounts = [], ...rest } = container
  return {
    ...template,
    restartPolicy: 'Never',
    terminationGracePeriodSeconds: 1,
    ...(template.initContainers && { initContainers: preparing(template).map(modest) }),
    containers: [
      {
        ...modest(rest),
        command: command.map(literal),
        // A part of the source that is not there yet would be made for its second place, by root and as a folder.
        volumeMounts: volumeMounts.filter((mount) => !isSourcePart(mount)),
      },
    ],
  }
}

export function podSecurity(
  { image, definition }: WorkspaceSpec,
  { nonRoot, uid }: RunAs,
): NonNullable<V1PodSpec['securityContext']> {
  const { user } = image
  const groups = supplementalGroups(definition, uid === user.uid ? image.groups : [])
  return {
    seccompProfile: { type: 'RuntimeDefault' },
    ...(groups.length > 0 && { supplementalGroups: groups }),
    // The volume belongs to the user's group then, where its driver can do that.
    ...((nonRoot || user.uid !== 0) && { fsGroup: user.gid, fsGroupChangePolicy: 'OnRootMismatch' }),
  }
}

/** A volume of a tmpfs. */
export function memoryOf({ size }: Mount): { medium: string; sizeLimit?: string } {
  return { medium: 'Memory', ...(size !== undefined && { sizeLimit: String(size) }) }
}

/** The definition's own mounts. Folders of a machine cannot be: see `refuseFolders`. */
function definedMounts({ definition }: WorkspaceSpec): { volumes: V1Volume[]; mounts: V1VolumeMount[] } {
  const volumes: V1Volume[] = []
  const mounts: V1VolumeMount[] = []
  for (const [index, mount] of definition.mounts.entries()) {
    const name = `mount-${index}`
    if (mount.type === 'volume' && mount.ofWorkspace && mount.source !== undefined) {
      mounts.push({
        name: 'data',
        subPath: dataPath(mount.source),
        mountPath: plainPath(mount.target),
        ...(mount.readOnly && { readOnly: true }),
      })
      continue
    }
    if (mount.type === 'tmpfs' && mount.source !== undefined) {
      mounts.push(passingMount(definition, mount))
      continue
    }
    if (mount.type === 'tmpfs') volumes.push({ name, emptyDir: memoryOf(mount) })
    else if (mount.type === 'volume' && mount.source !== undefined)
      volumes.push({ name, persistentVolumeClaim: { claimName: mount.source } })
    else continue
    mounts.push({
      name,
      mountPath: plainPath(mount.target),
      ...(mount.readOnly && { readOnly: true }),
    })
  }
  return { volumes, mounts }
}
