import {
  type Activity,
  idleStopReason,
  type LastStop,
  readAgentStop,
  type StoredIdlePolicy,
  type Workspace,
} from '#contract'
import type { Driver } from '../../drivers/driver'
import { placesOf } from '../../link/agent/place'
import { Collection, type ReadonlyCollection } from '../../platform/collection'
import type { EmitEvent, Handlers } from '../../platform/handlers'
import type { ActionContext } from '../actions/context'
import { stop } from '../actions/run'
import { requireIdle, requireKeep } from '../policy/governance'
import { volumeReader } from '../source/volume-reader'
import { Attendant } from './attendant'
import { isOfThatStop } from './last-stop'

export interface IdleOptions {
  readonly context: ActionContext
  /** Those that are looked after. */
  readonly workspaces: ReadonlyCollection<Workspace>
  readonly driverOf: (workspaceId: string) => Driver | undefined
  readonly emit: EmitEvent
  /** What other services do in a workspace just now, as in {@link Activity}; undefined: nothing. */
  readonly work: (workspaceId: string) => string | undefined
}

export interface Idle {
  readonly activities: ReadonlyCollection<Activity>
  readonly handlers: Pick<Handlers, 'workspaces.idle' | 'workspaces.keep'>
  dispose(): Promise<void>
}

/** The agent's file beside its program (agent/PROTOCOL.md, "Ending the workspace"). */
const AGENT_STOP = '.berth/idle-stop.json'
const AGENT_STOP_LIMIT = 4_096
/** Milliseconds that reading it may take. */
const READ_LIMIT = 10_000

/** Shows what is done in the workspaces that run, and stops those in which nothing is, where that is asked for. */
export function createIdle({ context, workspaces, driverOf, emit, work }: IdleOptions): Idle {
  const { clock, logger } = context.platform
  const activities = new Collection<Activity>()
  const attendants = new Map<string, { readonly incarnation: string; readonly attendant: Attendant }>()
  /** Runs of workspaces of which the agent's word was looked for, or that were tidied up after it. */
  const looked = new Set<string>()
  const ended = new AbortController()
  const working = new Set<Promise<unknown>>()

  const attempt = (done: Promise<unknown>, what: string) => {
    const over = done.catch((error: unknown) => {
      if (!ended.signal.aborted) logger.warn(what, { error: String(error) })
    })
    working.add(over)
    void over.then(() => working.delete(over))
  }

  const leave = (id: string) => {
    attendants.get(id)?.attendant.dispose()
    attendants.delete(id)
    activities.delete(id)
  }

  const attend = (workspace: Workspace) => {
    const { id, incarnation = '' } = workspace
    const known = attendants.get(id)
    if (known?.incarnation === incarnation) return known.attendant.changed()
    leave(id)
    looked.delete(id)
    const attendant = new Attendant({
      link: context.links().get(id),
      clock,
      logger,
      workspace: () => workspaces.get(id),
      driver: () => driverOf(id),
      action: () => {
        const action = context.guard.work(id)
        return action && action.kind !== 'stop' ? action.phase : work(id)
      },
      show: (activity) => {
        if (workspaces.get(id)?.state === 'running') activities.set(activity)
      },
      warn: ({ reason }, minutesLeft) =>
        emit('workspace.idle', {
          workspaceId: id,
          name: workspaces.get(id)?.name ?? '',
          reason,
          minutesLeft,
        }),
      stop: (policy, last) => stopIdle(id, policy, last),
    })
    attendants.set(id, { incarnation, attendant })
  }

  const stopIdle = async (id: string, policy: StoredIdlePolicy, last: string) => {
    const reason = idleStopReason(policy.minutes, last)
    const lastStop: LastStop = { at: clock.now(), reason }
    await stop(context, id, false, ended.signal, lastStop)
  }

  /** Word of the agent that has ended its workspace while no Berth looked. */
  const lookFor = async (workspace: Workspace) => {
    const { id } = workspace
    const driver = driverOf(id)
    if (!driver) return
    const found = await readAgentFile(
      driver,
      workspace,
      AbortSignal.any([ended.signal, AbortSignal.timeout(READ_LIMIT)]),
    )
    const observed = context.observed(id)
    if (observed?.run === 'stopped' && found && isOfThatStop(found, observed))
      await driver.note(id, { lastStop: found }, ended.signal)
  }

  /** It is stopped in all but the place that its cluster keeps for it. */
  const tidy = async (id: string) => {
    const lastStop = context.observed(id)?.lastStop
    if (context.guard.state(id) === undefined) await stop(context, id, false, ended.signal, lastStop)
  }

  const look = (workspace: Workspace) => {
    const { id, state } = workspace
    if (state === 'running') return attend(workspace)
    leave(id)
    if (state !== 'stopped' || looked.has(id)) return
    const observed = context.observed(id)
    if (observed?.parked) {
      looked.add(id)
      attempt(tidy(id), 'A workspace that ended itself could not be tidied up')
    } else if (workspace.idle?.whileClosed && !workspace.lastStop && !workspace.kubernetes) {
      looked.add(id)
      attempt(lookFor(workspace), 'It could not be seen why a workspace is stopped')
    }
  }

  const unwatch = workspaces.onChange(({ upserts, removes }) => {
    for (const id of removes) leave(id)
    for (const workspace of upserts) look(workspace)
  })
  for (const workspace of workspaces.list()) look(workspace)

  const change = async (id: string, idle: StoredIdlePolicy | null, signal: AbortSignal) => {
    const workspace = context.workspace(id)
    const { driver } = await context.target(workspace.targetId, signal)
    await driver.note(id, { idle }, signal)
    await context.settle(id, (now) => JSON.stringify(now?.idle) === JSON.stringify(idle ?? undefined))
    return {}
  }

  return {
    activities,
    handlers: {
      'workspaces.idle': async ({ workspaceId, policy }, signal) => {
        requireIdle(await context.policiesOf(workspaceId, signal), policy)
        const { keepUntil } = context.workspace(workspaceId).idle ?? {}
        const kept = policy && keepUntil !== undefined && keepUntil > clock.now()
        return change(workspaceId, kept ? { ...policy, keepUntil } : policy, signal)
      },
      'workspaces.keep': async ({ workspaceId, hours }, signal) => {
        const { idle } = context.workspace(workspaceId)
        if (!idle) return {}
        requireKeep(await context.policiesOf(workspaceId, signal), hours)
        const keepUntil = Math.round(clock.now() + hours * 3_600_000)
        return change(workspaceId, { ...idle, keepUntil }, signal)
      },
    },
    async dispose() {
      ended.abort()
      await unwatch()
      for (const id of [...attendants.keys()]) leave(id)
      await Promise.all(working)
    },
  }
}

async function readAgentFile(
  driver: Driver,
  workspace: Workspace,
  signal: AbortSignal,
): Promise<LastStop | undefined> {
  for (const place of placesOf(workspace)) {
    const reader = volumeReader(place, (path, stop) => driver.read(workspace.id, path, stop), signal)
    const bytes = await reader.read(AGENT_STOP, AGENT_STOP_LIMIT).catch(() => undefined)
    const found = readAgentStop(bytes && Buffer.from(bytes).toString('utf8'))
    if (found) return found
  }
  return undefined
}
