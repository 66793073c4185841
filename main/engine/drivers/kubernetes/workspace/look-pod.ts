import type { V1Container, V1ContainerStatus, V1Pod } from '@kubernetes/client-node'
import type { KubernetesOptions } from '#contract'
import { MANAGED_BY } from '../../shared/description'
import { labels, roles } from './anatomy'
import { literal, placement, resources, securityContext } from './pod'

/** Of `nobody`: whoever may run nothing as root can run this. */
const NOBODY = 65_534
/** Of the `nonroot` of images without a shell, for want of a way to ask (distroless). */
const NONROOT = 65_532
/** Seconds after which a pod that was forgotten ends by itself. */
const LIFE = 900

const begin = {
  passwd: 'berth-passwd',
  group: 'berth-group',
  environment: 'berth-environment',
  end: 'berth-end',
} as const

/** Prints accounts and the environment as it was given. It needs sh and cat. */
const lookScript = `
echo ${begin.passwd}
cat /etc/passwd 2>/dev/null
echo
echo ${begin.group}
cat /etc/group 2>/dev/null
echo
echo ${begin.environment}
cat /proc/$$/environ
echo
echo ${begin.end}
`

/** Prints who it runs as, by the shell alone. */
const whoScript = `
while read -r key value rest; do
  case $key in Uid:) uid=$value ;; Gid:) gid=$value ;; esac
done </proc/self/status
echo "berth-user $uid:$gid"
`

/**
 * A pod that tells what is in an image, and passes the `restricted` Pod Security level: one container looks as nobody,
 * and one would run as the image wants, if that is not root. Where it is, the node refuses that one, and says so.
 */
export function lookPod(
  name: string,
  namespace: string,
  image: string,
  options: KubernetesOptions,
  refresh: boolean,
): V1Pod {
  const container = (own: string, script: string, uid?: number): V1Container => ({
    name: own,
    image,
    imagePullPolicy: refresh ? 'Always' : 'IfNotPresent',
    command: ['/bin/sh', '-c', script].map(literal),
    securityContext: securityContext({ nonRoot: true, ...(uid !== undefined && { uid, gid: uid }) }),
    ...resources(options),
  })
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name,
      namespace,
      labels: { ...options.labels, [labels.managedBy]: MANAGED_BY, [labels.role]: roles.look },
      ...(options.annotations && { annotations: { ...options.annotations } }),
    },
    spec: {
      ...placement(options),
      restartPolicy: 'Never',
      terminationGracePeriodSeconds: 0,
      activeDeadlineSeconds: LIFE,
      securityContext: { seccompProfile: { type: 'RuntimeDefault' } },
      containers: [container('look', lookScript, NOBODY), container('who', whoScript)],
    },
  }
}

export type Looked =
  | { readonly kind: 'waiting' }
  /** The logs of `look` and, unless `user` is known, of `who` tell the rest. */
  | { readonly kind: 'shell'; readonly imageId: string; readonly user?: string }
  | { readonly kind: 'no-shell'; readonly imageId: string; readonly user: string }
  | { readonly kind: 'pull-failed'; readonly message: string }
  | { readonly kind: 'failed'; readonly message: string }

/** How far a look is. */
export function readLookPod(pod: V1Pod): Looked {
  const status = (name: string) => pod.status?.containerStatuses?.find((one) => one.name === name)
  const look = status('look')
  const who = status('who')
  if (pod.status?.reason === 'DeadlineExceeded') return { kind: 'failed', message: 'it took too long' }
  if (!look || !who) return { kind: 'waiting' }
  const pull = [look, who].map((one) => one.state?.waiting).find((one) => /Image/.test(one?.reason ?? ''))
  if (pull) return { kind: 'pull-failed', message: pull.message ?? pull.reason ?? '' }
  const looked = outcomeOf(look)
  const asked = outcomeOf(who)
  if (looked.kind === 'waiting' || asked.kind === 'waiting') return { kind: 'waiting' }
  const user = asked.kind === 'refused' ? refusedUser(asked.message) : undefined
  const imageId = look.imageID || who.imageID
  if (looked.kind === 'ended' && (asked.kind === 'ended' || user !== undefined))
    return { kind: 'shell', imageId, ...(user !== undefined && { user }) }
  const failure = [looked, asked].find(
    (one) => one.kind === 'refused' && refusedUser(one.message) === undefined,
  )
  const message = failure?.kind === 'refused' ? failure.message : ''
  if (looked.kind === 'refused' && isMissing(looked.message))
    return { kind: 'no-shell', imageId, user: user ?? String(userOf(who) ?? NONROOT) }
  return { kind: 'failed', message }
}

type Outcome =
  | { readonly kind: 'waiting' }
  | { readonly kind: 'ended' }
  | { readonly kind: 'refused'; readonly message: string }

function outcomeOf({ state }: V1ContainerStatus): Outcome {
  const { terminated, waiting } = state ?? {}
  if (terminated) {
    const { reason = '', message = '', exitCode } = terminated
    if (/CannotRun|StartError/.test(reason)) return { kind: 'refused', message: message || reason }
    return exitCode === 0
      ? { kind: 'ended' }
      : { kind: 'refused', message: `${message} (exit code ${exitCode})` }
  }
  if (waiting?.reason && !/^(ContainerCreating|PodInitializing)$/.test(waiting.reason))
    return { kind: 'refused', message: waiting.message ?? waiting.reason }
  return { kind: 'waiting' }
}

/** The image's user, from why the kubelet will not run it where nobody may be root (kuberuntime, verifyRunAsNonRoot). */
function refusedUser(message: string): string | undefined {
  if (/image will run as root/i.test(message)) return 'root'
  return /image has non-numeric user \(([^)]*)\)/i.exec(message)?.[1]
}

function isMissing(message: string): boolean {
  return /no such file|not found|executable file/i.test(message)
}

/** Whether a node's refusal is what a look wants to know, and no trouble to tell of. */
export function isAnswer(refusal: string): boolean {
  return refusedUser(refusal) !== undefined || (refusal.includes('/bin/sh') && isMissing(refusal))
}

/** Whether one of the containers has given its answer, so that the node has the image. */
export function isAnswering(pod: V1Pod): boolean {
  return (pod.status?.containerStatuses ?? []).map(outcomeOf).some((outcome) => {
    return outcome.kind === 'ended' || (outcome.kind === 'refused' && isAnswer(outcome.message))
  })
}

/** Newer servers tell it (KEP-3619). */
function userOf(status: V1ContainerStatus): number | undefined {
  const { user } = status as { user?: { linux?: { uid?: number } } }
  return user?.linux?.uid
}

/** What the kubelet and the runtime put into every environment. */
const foreign = /^(KUBERNETES_\w+|HOSTNAME|HOME)$/

/** Undefined while the output is not whole. */
export function readLookOutput(
  output: Buffer,
): { readonly passwd: string; readonly group: string; readonly env: Record<string, string> } | undefined {
  const text = output.toString('utf8')
  const [head, tail] = text.split(`\n${begin.environment}\n`)
  if (head === undefined || tail === undefined || !head.startsWith(`${begin.passwd}\n`)) return undefined
  const end = tail.lastIndexOf(`\n${begin.end}`)
  if (end < 0) return undefined
  const env: Record<string, string> = {}
  for (const line of tail.slice(0, end).split('\0')) {
    const at = line.indexOf('=')
    if (at > 0 && !foreign.test(line.slice(0, at))) env[line.slice(0, at)] = line.slice(at + 1)
  }
  const [passwd = '', group = ''] = head.slice(begin.passwd.length + 1).split(`\n${begin.group}\n`)
  return { passwd: passwd.trimEnd(), group: group.trimEnd(), env }
}

/** `uid:gid`; undefined while the output is not whole. */
export function readWhoOutput(output: Buffer): string | undefined {
  return /berth-user (\d+:\d+)\n/.exec(output.toString('utf8'))?.[1]
}
