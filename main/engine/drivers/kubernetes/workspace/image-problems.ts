import type { CoreV1Event, V1Pod } from '@kubernetes/client-node'
import type { Problem } from '#contract'

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

/**
 * The node tried once without a login, though the pod names a pull secret: a kubelet that is busy does not have a new
 * Secret within its second, pulls without it, and has it the next time.
 */
export function hadNoLoginYet(pod: V1Pod, events: readonly CoreV1Event[]): boolean {
  if (!pod.spec?.imagePullSecrets?.length) return false
  const waiting = [...(pod.status?.initContainerStatuses ?? []), ...(pod.status?.containerStatuses ?? [])]
    .map(({ state }) => state?.waiting)
    .filter((one) => /Image/.test(one?.reason ?? ''))
  const failures = events.filter(({ message }) => failedPull.test(message ?? ''))
  const tries = new Map<string, number>()
  for (const { count, involvedObject } of failures) {
    const container = involvedObject.fieldPath ?? ''
    tries.set(container, (tries.get(container) ?? 0) + (count ?? 1))
  }
  const said = [...waiting.map((one) => one?.message), ...failures.map(({ message }) => message)]
  return said.some((message) => noLogin.test(message ?? '')) && Math.max(0, ...tries.values()) <= 1
}
