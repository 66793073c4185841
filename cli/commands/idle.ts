import { type Activity, type IdlePolicy, idleTime, type Workspace } from '#contract'
import type { Engine } from '../../main/engine/engine'
import { Selection, waitFor } from '../../main/engine/platform/collection'
import { arm } from '../accompany'
import type { IdleDocument } from '../documents'
import type { CommandContext } from '../execute'
import { UsageError } from '../exit-codes'
import { findWorkspace } from '../select'
import { duration } from '../text'
import { workspaceLabel } from '../workspace-document'

/** How long what was done last may take to be known, in milliseconds. */
const KNOWING = 10_000

export interface IdleCommandOptions {
  /** Hours. */
  readonly keep?: number
  readonly whileClosed?: boolean
}

/** `berth idle`: shows what was done last in a workspace and when it is stopped by itself, and changes that. */
export async function idle(
  context: CommandContext,
  text: string,
  time: string | undefined,
  options: IdleCommandOptions,
): Promise<undefined> {
  const followed = new Selection()
  const engine = await context.engine({ followed, autoForward: false })
  const { id, idle: before } = await findWorkspace(engine, text, context.signal)
  if (time !== undefined || options.whileClosed !== undefined) {
    const minutes = time === undefined ? before?.minutes : parseIdleTime(time)
    if (minutes === undefined)
      throw new UsageError('Say after which time it is to be stopped: berth idle <workspace> 30m')
    const policy = minutes === null ? null : policyOf(minutes, options.whileClosed ?? before?.whileClosed)
    await engine.call('workspaces.idle', { workspaceId: id, policy }, context.signal)
  }
  if (options.keep !== undefined) {
    if (!engine.collections.workspaces.get(id)?.idle)
      throw new UsageError('It is never stopped by itself, so there is nothing to keep it from.')
    await engine.call('workspaces.keep', { workspaceId: id, hours: options.keep }, context.signal)
  }
  const armed = await arm(engine, id, context.signal)
  followed.add(id)
  const workspace = engine.collections.workspaces.get(id)
  if (!workspace) return
  const activity = workspace.state === 'running' ? await knownActivity(engine, id, context.signal) : undefined
  if (context.json) context.document(idleDocument(workspace, activity))
  else
    for (const line of idleLines(workspaceLabel(engine, workspace), workspace, activity)) context.print(line)
  if (!armed) context.say(notArmed(activity))
}

/** Minutes; null: never. */
export function parseIdleTime(text: string): number | null {
  if (text === 'off' || text === 'never') return null
  const [, number, unit] = /^(\d{1,5})(m|min|h)$/.exec(text) ?? []
  const minutes = Number(number) * (unit === 'h' ? 60 : 1)
  if (!(minutes >= 1 && minutes <= 10_080))
    throw new UsageError(`A time is written as 30m or 2h, at most 168h, or off; not “${text}”.`)
  return minutes
}

export const policyOf = (minutes: number, whileClosed: boolean | undefined): IdlePolicy => ({
  minutes,
  whileClosed: whileClosed === true,
})

/** What is to be said where a consent is given that comes to nothing. */
export function notArmed(activity: Activity | undefined): string {
  const why = activity?.onlyWhileOpen ?? 'its helper does not answer'
  return `It is stopped by itself only while a Berth is open: ${why.charAt(0).toLowerCase()}${why.slice(1)}.`
}

async function knownActivity(engine: Engine, id: string, signal: AbortSignal): Promise<Activity | undefined> {
  const limit = AbortSignal.any([signal, AbortSignal.timeout(KNOWING)])
  return waitFor(engine.collections.activities, id, (activity) => activity !== undefined, limit).catch(() =>
    engine.collections.activities.get(id),
  )
}

function idleLines(label: string, workspace: Workspace, activity: Activity | undefined): string[] {
  const now = Date.now()
  const { idle: policy, lastStop, state, reason } = workspace
  const lines: string[] = []
  if (activity) lines.push(`${label}: ${activity.reason}, ${duration(now - activity.at)} ago.`)
  else if (lastStop) lines.push(`${label}: ${lastStop.reason}.`)
  else lines.push(`${label} is ${state}: ${reason}.`)
  if (!policy) return [...lines, 'It is never stopped by itself.']
  const closed = policy.whileClosed ? ', also while no Berth is open' : ', while a Berth is open'
  lines.push(`It is stopped after ${idleTime(policy.minutes)} without activity${closed}.`)
  if (policy.keepUntil !== undefined && policy.keepUntil > now)
    lines.push(`It is kept for ${duration(policy.keepUntil - now)}.`)
  if (activity?.stopsAt !== undefined)
    lines.push(`It stops in ${duration(Math.max(0, activity.stopsAt - now))} if nothing happens.`)
  return lines
}

function idleDocument(workspace: Workspace, activity: Activity | undefined): IdleDocument {
  const time = (at: number | undefined) => (at === undefined ? null : new Date(at).toISOString())
  const { idle: policy, lastStop } = workspace
  return {
    workspace: { id: workspace.id, name: workspace.name, target: workspace.targetId },
    policy: policy
      ? {
          minutes: policy.minutes,
          whileClosed: policy.whileClosed,
          keepUntil: time(policy.keepUntil),
        }
      : null,
    activity: activity ? { reason: activity.reason, at: time(activity.at) ?? '' } : null,
    stopsAt: time(activity?.stopsAt),
    onlyWhileOpen: activity?.onlyWhileOpen ?? null,
    lastStop: lastStop ? { reason: lastStop.reason, at: time(lastStop.at) ?? '' } : null,
  }
}
