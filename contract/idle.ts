import { z } from 'zod'

/** When a workspace is stopped by itself. Kept on the target with the workspace. */
export const IdlePolicy = z.strictObject({
  /** Minutes in which nobody does anything. */
  minutes: z.number().int().min(1).max(10_080),
  /** Its owner's consent that its helper ends it while no Berth runs, where the target lets it. */
  whileClosed: z.boolean(),
})
export type IdlePolicy = z.infer<typeof IdlePolicy>

/** The same with what was asked for since. */
export const StoredIdlePolicy = IdlePolicy.extend({
  /** Not before; milliseconds since the epoch. */
  keepUntil: z.number().optional(),
})
export type StoredIdlePolicy = z.infer<typeof StoredIdlePolicy>

/** Why Berth stopped a workspace by itself. */
export const LastStop = z.strictObject({
  /** Milliseconds since the epoch. */
  at: z.number(),
  /** One sentence without a full stop. */
  reason: z.string().max(500),
})
export type LastStop = z.infer<typeof LastStop>

/** What somebody did last in a running workspace, and what comes of it if nobody does anything more. */
export const Activity = z.strictObject({
  /** The workspace's. */
  id: z.string(),
  /** One sentence without a full stop: “Typed in bash”. */
  reason: z.string(),
  /** Milliseconds since the epoch, as the others. Brought up to date every 10 s at most. */
  at: z.number(),
  /** When it will be stopped; absent where it will not. */
  stopsAt: z.number().optional(),
  /** From when on that is worth a warning. Present with `stopsAt`. */
  warnsAt: z.number().optional(),
  /** Why it is not stopped while no Berth runs, although its owner consents; one sentence without a full stop. */
  onlyWhileOpen: z.string().optional(),
})
export type Activity = z.infer<typeof Activity>

/** “30 minutes”, “1 hour”, “90 minutes”. */
export function idleTime(minutes: number): string {
  const [count, unit] = minutes % 60 === 0 ? [minutes / 60, 'hour'] : [minutes, 'minute']
  return `${count} ${unit}${count === 1 ? '' : 's'}`
}

/** Why it was stopped. `last` as in {@link Activity}. */
export const idleStopReason = (minutes: number, last: string) =>
  `Stopped by Berth after ${idleTime(minutes)} without activity; last: ${last.charAt(0).toLowerCase()}${last.slice(1)}`

/**
 * What the agent has left where it ended its workspace (agent/PROTOCOL.md, "Ending the workspace"). Undefined where it
 * is not the agent's.
 */
export function readAgentStop(text: string | undefined): LastStop | undefined {
  const told = parsed(text) as {
    readonly berth?: unknown
    readonly at?: unknown
    readonly after?: unknown
    readonly last?: { readonly reason?: unknown; readonly what?: unknown }
  } | null
  if (typeof told !== 'object' || told?.berth !== 'idle') return undefined
  if (typeof told.at !== 'number' || typeof told.after !== 'number') return undefined
  const { reason, what } = told.last ?? {}
  const last = activityText(
    typeof reason === 'string' ? reason : '',
    typeof what === 'string' ? what.slice(0, 200) : '',
  )
  return { at: told.at, reason: idleStopReason(Math.round(told.after / 60_000), last).slice(0, 500) }
}

function parsed(text: string | undefined): unknown {
  try {
    return text === undefined ? undefined : JSON.parse(text)
  } catch {
    return undefined
  }
}

/** What the agent calls activity (agent/PROTOCOL.md, "Channel `activity@berth.dev`"), in words. */
export function activityText(reason: string, what: string): string {
  switch (reason) {
    case 'input':
      return what ? `Typed in ${what}` : 'Typed in a terminal'
    case 'output':
      return what ? `Output of ${what}` : 'Output of a job'
    case 'traffic':
      return what ? `Traffic to port ${what}` : 'Traffic over a forward'
    case 'ssh':
      return what === 'sftp' ? 'Files over SSH' : 'An SSH session'
    case 'processor':
      return what ? `${what} was at work` : 'Processes were at work'
    case 'command':
      return what ? `Ran ${what}` : 'Ran a command'
    case 'files':
      return 'Files were copied'
    case 'action':
      return what || 'Berth was at work on it'
    case 'kept':
      return 'Kept'
    default:
      return 'Started'
  }
}
