import { type IdlePolicy, idleTime } from '#contract'
import type { Findings } from './findings'
import type { LoadedPolicy } from './loaded'

export interface IdleRequest {
  /** What was asked for, for this workspace: null: never. Undefined: nothing. */
  readonly asked: IdlePolicy | null | undefined
  /** What the settings say; null: never. */
  readonly standing: IdlePolicy | null
}

interface Limit {
  readonly minutes: number
  readonly by: LoadedPolicy
}

const minutesOf = (hours: number) => Math.max(1, Math.round(hours * 60))

function maximumOf(policies: readonly LoadedPolicy[]): Limit | undefined {
  let found: Limit | undefined
  for (const by of policies) {
    const hours = by.policy.spec.idle?.maximum
    if (hours === undefined) continue
    const minutes = minutesOf(hours)
    if (!found || minutes < found.minutes) found = { minutes, by }
  }
  return found
}

function defaultOf(policies: readonly LoadedPolicy[], maximum: Limit | undefined): Limit | undefined {
  const by = policies.findLast(({ policy }) => policy.spec.idle?.default !== undefined)
  const hours = by?.policy.spec.idle?.default
  if (!by || hours === undefined) return maximum
  const minutes = minutesOf(hours)
  return maximum && maximum.minutes < minutes ? maximum : { minutes, by }
}

/** When a workspace is stopped by itself, as policies have it. What was asked for and is not allowed is a violation. */
export function applyIdle(
  policies: readonly LoadedPolicy[],
  { asked, standing }: IdleRequest,
  findings: Findings,
): IdlePolicy | null {
  const maximum = maximumOf(policies)
  const usual = defaultOf(policies, maximum)
  const required = policies.find(({ policy }) => policy.spec.idle?.required)
  if (asked !== undefined) {
    checkIdle(policies, asked, findings)
    return asked
  }
  if (standing) {
    if (!maximum || standing.minutes <= maximum.minutes) return standing
    findings.explain(
      maximum.by,
      `Stops by itself after ${idleTime(maximum.minutes)} without activity, and not ${idleTime(standing.minutes)}`,
    )
    return { ...standing, minutes: maximum.minutes }
  }
  if (!usual) {
    // Some time is required, and no policy says which.
    if (!required) return null
    findings.explain(required, `Stops by itself after ${idleTime(DEFAULT_MINUTES)} without activity`)
    return { minutes: DEFAULT_MINUTES, whileClosed: false }
  }
  findings.explain(usual.by, `Stops by itself after ${idleTime(usual.minutes)} without activity`)
  return { minutes: usual.minutes, whileClosed: false }
}

const DEFAULT_MINUTES = 120

/** Whether a workspace may have this idle time; null: never. */
export function checkIdle(
  policies: readonly LoadedPolicy[],
  asked: IdlePolicy | null,
  findings: Findings,
): void {
  const maximum = maximumOf(policies)
  if (maximum && (!asked || asked.minutes > maximum.minutes)) {
    findings.violate(maximum.by, ['spec', 'idle', 'maximum'], {
      title: asked ? 'This idle time is longer than is allowed' : 'A workspace may not run idle for ever',
      cause: asked
        ? `${idleTime(asked.minutes)} was asked for, and at most ${idleTime(maximum.minutes)} is allowed.`
        : `Every workspace is stopped by itself after ${idleTime(maximum.minutes)} without activity at most.`,
      allowed: `Choose ${idleTime(maximum.minutes)} or less.`,
    })
    return
  }
  const required = policies.find(({ policy }) => policy.spec.idle?.required)
  if (!asked && required) {
    findings.violate(required, ['spec', 'idle', 'required'], {
      title: 'A workspace may not run idle for ever',
      cause: 'Every workspace has a time after which it is stopped by itself.',
      allowed: 'Choose a time.',
    })
  }
}

/** Whether a workspace may be kept from stopping for so many hours. */
export function checkKeep(policies: readonly LoadedPolicy[], hours: number, findings: Findings): void {
  const maximum = maximumOf(policies)
  if (!maximum || minutesOf(hours) <= maximum.minutes) return
  findings.violate(maximum.by, ['spec', 'idle', 'maximum'], {
    title: 'It may not be kept for so long',
    cause: `It would run ${idleTime(minutesOf(hours))} without activity, and at most ${idleTime(maximum.minutes)} is allowed.`,
    allowed:
      maximum.minutes < 60
        ? 'It cannot be kept.'
        : `Keep it for ${idleTime(Math.floor(maximum.minutes / 60) * 60)} or less.`,
  })
}
