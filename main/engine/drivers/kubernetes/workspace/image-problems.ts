import type { CoreV1Event, V1ContainerStateWaiting, V1Pod } from '@kubernetes/client-node'
import type { Problem } from '#contract'
import type { Clock } from '../../../platform/clock'

/** What a node's refusal to pull an image means. The texts are those of containerd, CRI-O and dockershim. */
export function pullProblem(image: string, message: string): Problem {
  const title = `The image "${image}" could not be pulled`
  const detail = message
  if (/no match(ing)? (for platform|manifest for)|does not match the specified platform/i.test(message)) {
    return {
      code: 'image-platform',
      title,
      cause: 'There is no build of it for the platform of the node.',
      remedy: 'Choose an image for this platform, or nodes of another one by a node selector.',
      detail,
    }
  }
  if (
    /unauthorized|authentication required|no basic auth|incorrect username or password|403 forbidden/i.test(
      message,
    )
  ) {
    return {
      code: 'registry-auth',
      title,
      cause: 'The registry wants a login, and the cluster has none, or one that may not read it.',
      remedy:
        'Name a pull secret of the namespace for this registry, or have the cluster given your Docker login.',
      detail,
    }
  }
  if (
    /denied|not found|unknown|does not exist|invalid reference|InvalidImageName|couldn't parse image/i.test(
      message,
    )
  ) {
    return {
      code: 'image-not-found',
      title,
      cause: /denied/i.test(message)
        ? 'There is no such image, or it is private and the cluster has no login for it.'
        : 'The registry has no image of this name and tag.',
      remedy:
        'Check the spelling and the tag. If it is private, name a pull secret of the namespace, or have the cluster given your Docker login.',
      detail,
    }
  }
  return {
    code: 'registry-unreachable',
    title,
    cause: `The node cannot get it: ${message.trim().split('\n', 1)[0] || 'it does not say why'}`,
    remedy: 'Check that the nodes of the cluster reach the registry.',
    detail,
    actions: [{ kind: 'retry', label: 'Try again' }],
  }
}

/** What a registry will answer again: no such image, no such right. */
export function isCertain(message: string): boolean {
  return pullProblem('', message).code !== 'registry-unreachable'
}

const noLogin = /no basic auth credentials/i
const failedPull = /^Failed to pull image/
/** What nodes before 1.31 say while they wait for the next try. */
const saysNothing = /^Back-off pulling image "[^"]*"$/
/** Milliseconds that a pull which failed once may take to fail or succeed again: a node tries again after ten seconds. */
const ONE_MORE = 25_000

/** The containers whose image could not be pulled so far, by name. */
function unpulled(pod: V1Pod): ReadonlyMap<string, V1ContainerStateWaiting> {
  const all = [...(pod.status?.initContainerStatuses ?? []), ...(pod.status?.containerStatuses ?? [])]
  return new Map(
    all.flatMap(({ name, state }) =>
      state?.waiting && /^(?:ErrImagePull|ImagePullBackOff)$/.test(state.waiting.reason ?? '')
        ? [[name, state.waiting] as const]
        : [],
    ),
  )
}

/** What is known of a node's tries to pull the images of a pod. */
export interface Pulls {
  /** How often a try failed, of the container of which most did, as far as the status told. */
  readonly failed: number
  /** Why the last one did; empty while that is not known. */
  readonly why: string
  /** Milliseconds since the first failure was seen; 0 where there was none. */
  readonly since: number
}

/**
 * Remembers what a pod's status says of pulls while somebody looks. It tells why a try failed until the node waits for
 * the next (`ImagePullBackOff`), which may be a moment: then an event tells, which a busy node sends later.
 */
export class PullMemory {
  readonly #clock: Clock
  readonly #tries = new Map<string, { failed: number; isFailing: boolean }>()
  #uid: string | undefined
  #why = ''
  #since: number | undefined

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** `events`: those of this pod. */
  look(pod: V1Pod | undefined, events: readonly CoreV1Event[]): Pulls {
    if (pod?.metadata?.uid !== this.#uid) {
      this.#uid = pod?.metadata?.uid
      this.#tries.clear()
      this.#why = ''
      this.#since = undefined
    }
    for (const [name, { reason, message = '' }] of pod ? unpulled(pod) : []) {
      const tries = this.#tries.get(name) ?? { failed: 0, isFailing: false }
      this.#tries.set(name, tries)
      const isFailing = reason === 'ErrImagePull'
      // A node may be quicker than its status is told: who waits has failed at least once.
      if (isFailing ? !tries.isFailing : tries.failed === 0) tries.failed++
      tries.isFailing = isFailing
      if (message !== '' && !saysNothing.test(message)) this.#why = message
    }
    this.#why ||= whyOfEvents(events)
    const now = this.#clock.now()
    if (this.#tries.size > 0) this.#since ??= now
    return {
      failed: Math.max(0, ...[...this.#tries.values()].map(({ failed }) => failed)),
      why: this.#why,
      since: this.#since === undefined ? 0 : now - this.#since,
    }
  }
}

/** Why the last try failed, as the events of a pod tell; empty where they do not. */
export function whyOfEvents(events: readonly CoreV1Event[]): string {
  return events.findLast(({ message }) => failedPull.test(message ?? ''))?.message ?? ''
}

/**
 * Whether the next try may succeed: the first one failed, and not for what a registry says for certain. Where it is not
 * known yet why, the next try tells if no event does.
 */
export function mayStillPull({ failed, why, since }: Pulls): boolean {
  return failed === 1 && since <= ONE_MORE && !isCertain(why)
}

/** A Problem of {@link pullProblem} that knows of no reason, with this one. */
export function withWhy(found: Problem, why: string): Problem {
  if (why === '' || !saysNothing.test(found.detail ?? '')) return found
  return { ...pullProblem('', why), title: found.title }
}

/**
 * The node tried once without a login, though the pod names a pull secret: a kubelet that is busy does not have a new
 * Secret within its second, pulls without it, and has it the next time.
 */
export function hadNoLoginYet(pod: V1Pod, events: readonly CoreV1Event[], pulls: Pulls): boolean {
  if (!pod.spec?.imagePullSecrets?.length) return false
  const failures = events.filter(({ message }) => failedPull.test(message ?? ''))
  const tries = new Map<string, number>()
  for (const { count, involvedObject } of failures) {
    const container = involvedObject.fieldPath ?? ''
    tries.set(container, (tries.get(container) ?? 0) + (count ?? 1))
  }
  const said = [
    pulls.why,
    ...[...unpulled(pod).values()].map(({ message }) => message),
    ...failures.map(({ message }) => message),
  ]
  return said.some((message) => noLogin.test(message ?? '')) && Math.max(pulls.failed, ...tries.values()) <= 1
}
