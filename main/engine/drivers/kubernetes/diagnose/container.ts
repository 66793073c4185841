import type { Problem } from '#contract'

const title = 'The workspace could not be started'

/** What holds up a container, from the reason and message of its waiting state; pulls apart. */
export function waitingProblem(reason: string, message: string): Problem {
  const detail = `${reason}: ${message}`
  const [, kind, name] = /\b(secret|configmap) "([^"]*)" not found/i.exec(message) ?? []
  if (kind && name) {
    const what = kind.toLowerCase() === 'secret' ? 'Secret' : 'ConfigMap'
    return {
      code: 'secret-missing',
      title,
      cause: `It needs the ${what} "${name}", which the namespace does not have.`,
      remedy: `Rebuild the workspace, which makes its own Secret again, or make the ${what}.`,
      detail,
    }
  }
  const [, key, holder, place] = /couldn't find key (\S+) in (Secret|ConfigMap) (\S+)/i.exec(message) ?? []
  if (key && holder && place) {
    return {
      code: 'secret-missing',
      title,
      cause: `The ${holder} "${place.split('/').at(-1)}" has no key "${key}", which the workspace needs.`,
      remedy: `Rebuild the workspace, which makes its own Secret again, or add the key.`,
      detail,
    }
  }
  if (/runAsNonRoot|non-numeric user/i.test(message)) {
    return {
      code: 'admission-denied',
      title,
      cause: `The image would run as root, or does not say otherwise, and here it must not.`,
      remedy: 'Set remoteUser to a user that is not root, or use another image; then rebuild.',
      detail,
    }
  }
  return {
    code: 'create-failed',
    title,
    cause: `The node says: ${message.trim().split('\n', 1)[0] || reason}`,
    remedy: 'Correct the definition or the image, then rebuild.',
    detail,
  }
}

/** `code` of its exit; `limit` as it was set. */
export function outOfMemory(code: number, limit?: string): Problem {
  return {
    code: 'workspace-exited',
    title: 'The workspace ran out of memory',
    cause: `It needed more than ${limit ? `its limit of ${limit}` : 'its limit, or than its node had left'}, and was killed (code ${code}).`,
    remedy: 'Raise its memory limit or run less at once.',
  }
}

/** `ending`: its pod is to go, and cannot. */
export function lostNode(node: string, ending = false): Problem {
  return {
    code: 'node-lost',
    title: 'The node of the workspace does not answer',
    cause: ending
      ? `The cluster has not heard of "${node}" for a while, so nobody can say that the workspace has ended there, and it is started nowhere else.`
      : `The cluster has not heard of "${node}" for a while.`,
    remedy: ending
      ? 'Wait for the node to come back, or end the pod by force if you know that the node is off. Source and home are kept.'
      : 'Wait for the node to come back, or ask whoever runs the cluster.',
  }
}
