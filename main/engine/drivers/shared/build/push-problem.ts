import type { Problem } from '#contract'
import { diskFull, firstLine } from './words'

export interface PushFailure {
  readonly reference: string
  readonly registry: string
  readonly targetName: string
  /** Whether a login was sent along. */
  readonly authenticated: boolean
  /** Who pushes; absent: the engine of that name. */
  readonly who?: string
}

/** Refusals for who somebody is, or is not. */
export const isDenial = (message: string): boolean =>
  /unauthorized|authentication required|no basic auth credentials|incorrect username or password|denied|forbidden|insufficient_scope|status: 40[13]/i.test(
    message,
  )

/** What keeps an engine from a registry, whatever it was going to do there. */
export const isUnreachable = (message: string): boolean =>
  /dial tcp|connection refused|no such host|i\/o timeout|deadline exceeded|x509|tls:|HTTP response to HTTPS|EOF|unreachable|timeout/i.test(
    message,
  )

/** What a registry's or engine's refusal to take an image means. The texts are those of Docker and distribution. */
export function pushProblem(message: string, failure: PushFailure): Problem {
  const { reference, registry, targetName, authenticated, who = `The engine "${targetName}"` } = failure
  const title = `The image could not be pushed to ${registry}`
  const detail = message
  const login = registry === 'docker.io' ? 'docker login' : `docker login ${registry}`
  if (/no space left on device/i.test(message)) return diskFull(title, targetName, message)
  if (isDenial(message)) {
    return {
      code: 'registry-auth',
      title,
      cause: authenticated
        ? `${registry} does not accept your login, or it may not push ${reference}.`
        : `${registry} wants a login to push ${reference}, and there is none for it on this machine.`,
      remedy: `Log in as someone who may push there: ${login}`,
      detail,
      actions: [{ kind: 'copy', label: 'Copy the login command', text: login }],
    }
  }
  if (/name unknown|repository .*(does not exist|not found)|not found/i.test(message)) {
    return {
      code: 'registry-auth',
      title,
      cause: `${registry} has no such repository, and does not make it by itself.`,
      remedy: 'Make the repository there, or choose another one in the settings.',
      detail,
      actions: [{ kind: 'settings', label: 'Open the settings' }],
    }
  }
  return {
    code: 'registry-unreachable',
    title,
    cause: `${who} cannot reach ${registry}: ${firstLine(message)}`,
    remedy: /HTTP response to HTTPS/i.test(message)
      ? `Serve ${registry} over TLS, or list it as an insecure registry there.`
      : `Check that ${registry} runs, and that it can be reached from there.`,
    detail,
    actions: [
      { kind: 'retry', label: 'Try again' },
      { kind: 'settings', label: 'Open the settings' },
    ],
  }
}
