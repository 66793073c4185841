import type { Problem } from '#contract'
import { type Rejection, rejectionIn } from '../transport/errors'
import { isMore } from '../workspace/quantity'

const remedies: Readonly<Record<Rejection['kind'], Pick<Problem, 'code' | 'remedy'>>> = {
  quota: {
    code: 'quota-exceeded',
    remedy: 'Ask for less, stop or delete what you do not need in this namespace, or ask for a larger quota.',
  },
  'limit-range': {
    code: 'limit-range',
    remedy: 'Stay within the limits that the namespace sets for each container, pod or volume.',
  },
  'pod-security': {
    code: 'admission-denied',
    remedy:
      'Use an image that runs without root, or set remoteUser to another user than root; or choose a namespace whose Pod Security level allows what it needs.',
  },
  webhook: {
    code: 'admission-denied',
    remedy: 'Ask whoever runs the cluster what this rule of theirs wants.',
  },
  'webhook-away': {
    code: 'admission-denied',
    remedy: 'Try again in a moment; if it stays away, tell whoever runs the cluster.',
  },
  policy: {
    code: 'admission-denied',
    remedy: 'Ask whoever runs the cluster what this rule of theirs wants.',
  },
  terminating: {
    code: 'namespace-missing',
    remedy: 'Wait until it is gone and make it anew, or choose another namespace.',
  },
}

/** What an admission said no to. */
export function rejectionProblem(rejection: Rejection, title: string, detail: string): Problem {
  const { kind, name, reason } = rejection
  const of = name ? ` "${name}"` : ''
  const causes: Readonly<Record<Rejection['kind'], string>> = {
    quota: `The quota${of} of the namespace does not allow it: ${quotaWords(reason)}`,
    'limit-range': `The limits of the namespace do not allow it: ${limitWords(reason)}`,
    'pod-security': `The namespace does not admit such a pod: ${reason}`,
    webhook: `The cluster's rule${of} refused it: ${reason}`,
    'webhook-away': `The cluster has to ask its rule${of} first, which does not answer: ${reason}`,
    policy: `The cluster's policy${of} refused it: ${reason}`,
    terminating: 'The namespace is being deleted.',
  }
  const { code, remedy } = remedies[kind]
  const unsaid = kind === 'quota' && /must specify/.test(reason)
  return {
    code,
    title,
    cause: firstLine(causes[kind]),
    remedy: unsaid
      ? "Set these in the workspace's options: a namespace with such a quota takes nothing that leaves them open."
      : remedy,
    detail,
  }
}

/**
 * Why a controller could not make the workspace's pod: the message of its FailedCreate event, such as `create Pod
 * ws-…-0 in StatefulSet ws-… failed error: pods "ws-…-0" is forbidden: exceeded quota: …`.
 */
export function refusedProblem(message: string): Problem {
  const title = "The cluster refuses the workspace's pod"
  const rejection = rejectionIn(message)
  if (rejection) return rejectionProblem(rejection, title, message)
  // The template has passed this check, so it was the namespace's default limit that came on top.
  const over = /must be less than or equal to (\S+) limit/.exec(message)?.[1]
  if (over) {
    return {
      ...remedies['limit-range'],
      code: 'limit-range',
      title,
      cause: `The namespace gives containers a limit of ${over} that is less than what the workspace asks for.`,
      remedy: `Set the limit of ${over} in the workspace's options, or ask for less.`,
      detail: message,
    }
  }
  const said = /failed error: ([\s\S]*)$/.exec(message)?.[1] ?? message
  return {
    code: 'admission-denied',
    title,
    cause: `The cluster says: ${firstLine(said)}`,
    remedy: 'Ask whoever runs the cluster what this rule wants.',
    detail: message,
  }
}

/** What the controller's next try may not meet any more: a namespace that is being set up, a webhook that is away. */
export function mayPass(message: string): boolean {
  return /service ?account|no API token found|failed calling webhook|timeout|try again|object has been modified|connection refused/i.test(
    message,
  )
}

/**
 * Whether a quota refuses only for what it counts as used. Its controller counts what is gone a moment after everybody
 * else has seen it go: what refuses a pod then lets it in soon. `words`: a message, or a rejection's reason.
 */
export function isCountedFull(words: string): boolean {
  const rejection = rejectionIn(words)
  if (rejection?.kind !== 'quota') return false
  const limited = amountsIn(rejection.reason, 'limited')
  const requested = [...amountsIn(rejection.reason, 'requested')]
  return requested.length > 0 && requested.every(([name, asked]) => !isMore(asked, limited.get(name) ?? '0'))
}

/** `requested: cpu=2,pods=1, used: cpu=1,pods=3, limited: cpu=2,pods=10` as a sentence; other words as they are. */
export function quotaWords(reason: string): string {
  const unsaid = /must specify (.+?)(?: for: [^;]*)?$/.exec(reason.trim())?.[1]
  if (unsaid) return `it wants ${unsaid.replaceAll(',', ', ')} to be set`
  const used = amountsIn(reason, 'used')
  const limited = amountsIn(reason, 'limited')
  const all = [...amountsIn(reason, 'requested')].map(
    ([name, asked]) =>
      `${asked} of ${name} asked for, ${used.get(name) ?? '?'} of ${limited.get(name) ?? '?'} in use`,
  )
  return all.length > 0 ? all.join('; ') : reason
}

function amountsIn(reason: string, label: 'requested' | 'used' | 'limited'): ReadonlyMap<string, string> {
  const list = new RegExp(`${label}: ([^ ]+?)(?:,? |$)`).exec(reason)?.[1] ?? ''
  return new Map(list.split(',').flatMap((one) => pair(one)))
}

function pair(text: string): [string, string][] {
  const at = text.indexOf('=')
  return at > 0 ? [[text.slice(0, at), text.slice(at + 1)]] : []
}

function limitWords(reason: string): string {
  return reason.trim().replace(/^\[([\s\S]*)\]$/, '$1')
}

function firstLine(text: string): string {
  return text.trim().split('\n', 1)[0] ?? ''
}
