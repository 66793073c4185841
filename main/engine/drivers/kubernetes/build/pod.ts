import { createHash } from 'node:crypto'
import { cpus, homedir, hostname, totalmem } from 'node:os'
import type { V1Pod } from '@kubernetes/client-node'
import type { KubernetesOptions } from '#contract'
import { isAlive, type ProcessIdentity, thisProcess } from '../../../platform/process-identity'
import { MANAGED_BY } from '../../shared/description'
import { CONTAINER, labels, roles } from '../workspace/anatomy'
import { literal, placement, resources } from '../workspace/pod'

/** Seconds after which a builder that was forgotten ends by itself; no build takes longer. */
export const LIFE = 7_200
/** Of the user in BuildKit's image. */
const USER = 1_000
/** A folder of the pod's own, for what is being built and for the socket. */
const PLACE = '/berth'
const address = `unix://${PLACE}/buildkitd.sock`

/** By this name a pod's state is read (watch/pod-state.ts). */
export const BUILD_CONTAINER = CONTAINER
/** Which process makes a builder: `machine:process:start`. */
export const MAKER = 'berth.dev/maker'
/** Connects stdin and stdout with the daemon. */
export const dialCommand = ['buildctl', '--addr', address, 'dial-stdio']
/** Succeeds when the daemon answers. */
export const readyCommand = ['buildctl', '--addr', address, 'debug', 'workers']

export function ownMaker(): string {
  const { pid, start } = thisProcess()
  return `${machine()}:${pid}:${start}`
}

/** Many machines see one cluster, some of them under the same name: one more than the name has to be the same. */
function machine(): string {
  const known = [hostname(), homedir(), totalmem(), cpus()[0]?.model ?? '']
  return createHash('sha256').update(JSON.stringify(known)).digest('hex').slice(0, 16)
}

/**
 * A pod with BuildKit's daemon, which runs as nobody special (moby/buildkit, docs/rootless.md): it makes a user
 * namespace of its own, which takes a setuid program and system calls that the usual seccomp profile refuses. It
 * listens on a socket in its own folder alone, so that no other pod reaches it, nor what it builds.
 */
export function builderPod(
  name: string,
  namespace: string,
  image: string,
  options: KubernetesOptions,
): V1Pod {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name,
      namespace,
      labels: { ...options.labels, [labels.managedBy]: MANAGED_BY, [labels.role]: roles.build },
      annotations: {
        ...options.annotations,
        [MAKER]: ownMaker(),
        // For servers before 1.30, which do not know the field.
        [`container.apparmor.security.beta.kubernetes.io/${BUILD_CONTAINER}`]: 'unconfined',
      },
    },
    spec: {
      ...placement(options),
      restartPolicy: 'Never',
      terminationGracePeriodSeconds: 1,
      activeDeadlineSeconds: LIFE,
      securityContext: { fsGroup: USER },
      containers: [
        {
          name: BUILD_CONTAINER,
          image,
          imagePullPolicy: 'IfNotPresent',
          args: ['--root', `${PLACE}/state`, '--addr', address, '--oci-worker-no-process-sandbox'].map(
            literal,
          ),
          securityContext: {
            runAsUser: USER,
            runAsGroup: USER,
            seccompProfile: { type: 'Unconfined' },
            appArmorProfile: { type: 'Unconfined' },
          },
          ...resources(options),
          volumeMounts: [{ name: 'state', mountPath: PLACE }],
          terminationMessagePolicy: 'FallbackToLogsOnError',
        },
      ],
      volumes: [{ name: 'state', emptyDir: {} }],
    },
  }
}

/** Whether a builder is of no more use to anybody. */
export function isForgotten(
  { metadata, status }: V1Pod,
  runs: (process: ProcessIdentity) => boolean = isAlive,
): boolean {
  if (status?.phase === 'Failed' || status?.phase === 'Succeeded') return true
  const [, by, pid, start = ''] = /^([0-9a-f]+):(\d+):(\d*)$/.exec(metadata?.annotations?.[MAKER] ?? '') ?? []
  return by === machine() && pid !== undefined && !runs({ pid: Number(pid), start })
}
