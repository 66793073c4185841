import type { LastStop, OperationKind, Problem, Target, Workspace } from '#contract'
import type { ObservedWorkspace } from '../drivers/driver'
import { isOfThatStop } from './idle/last-stop'
import { leavesState } from './operations'

/** All that is known of one workspace at one moment. */
export interface Situation {
  readonly targetId: string
  /** The target's answer; undefined while it is connecting for the first time. */
  readonly target: Pick<Target, 'state' | 'name'> | undefined
  /** What the target says, or said when it was last heard. */
  readonly observed?: ObservedWorkspace
  /** What is being created, until the target knows it. */
  readonly draft?: Workspace
  /** What a rebuild has already put in place of the old. */
  readonly override?: Partial<Pick<Workspace, 'definition' | 'user' | 'image'>>
  /** What is being done to it now, here or by another process of this machine. */
  readonly action?: { readonly kind: OperationKind; readonly phase: string; readonly elsewhere: boolean }
  /** What a Berth process was doing to it when it was killed. */
  readonly interrupted?: { readonly kind: OperationKind; readonly phase: string }
  /** What went wrong in it without ending it: a lifecycle command. */
  readonly mishap?: Problem
  /** Who uses this engine. */
  readonly owner: string
}

const doing: Readonly<
  Record<Exclude<OperationKind, 'rename' | 'grow' | 'snapshot' | 'restore'>, [Workspace['state'], string]>
> = {
  create: ['creating', 'Being created'],
  prebuild: ['creating', 'Being prebuilt'],
  start: ['starting', 'Starting'],
  stop: ['stopping', 'Stopping'],
  restart: ['starting', 'Restarting'],
  rebuild: ['starting', 'Being rebuilt'],
  delete: ['deleting', 'Being deleted'],
}

/** A workspace's state and the reason for it. Undefined when there is no such workspace (any more). */
export function reconcile(situation: Situation): Workspace | undefined {
  const { observed, draft, action, override } = situation
  if (!observed) {
    if (!draft || !action) return undefined
    return { ...draft, ...describeAction(action) }
  }
  const lastStop = lastStopOf(observed)
  const base: Workspace = {
    id: observed.id,
    targetId: situation.targetId,
    name: observed.name,
    source: observed.source,
    definition: observed.definition,
    image: observed.image,
    user: observed.user,
    owner: observed.owner,
    createdAt: observed.createdAt,
    ...(observed.startedAt !== undefined && observed.run === 'running'
      ? { startedAt: observed.startedAt }
      : {}),
    ...(observed.incarnation !== undefined ? { incarnation: observed.incarnation } : {}),
    ...(observed.instance !== undefined ? { instance: observed.instance } : {}),
    ...(observed.kubernetes !== undefined ? { kubernetes: observed.kubernetes } : {}),
    ...(observed.volume !== undefined ? { volume: observed.volume } : {}),
    ...(observed.services !== undefined ? { services: [...observed.services] } : {}),
    ...(observed.idle && { idle: observed.idle }),
    ...(lastStop && { lastStop }),
    ...(observed.prebuild && { prebuild: observed.prebuild }),
    ...override,
    ...describe(observed, situation),
  }
  if (action && !leavesState(action.kind)) {
    const { problem: _none, ...rest } = base
    return { ...rest, ...describeAction(action) }
  }
  return base
}

/** Why it is stopped, if Berth did that by itself. */
function lastStopOf(observed: ObservedWorkspace): LastStop | undefined {
  const { lastStop } = observed
  return lastStop && isOfThatStop(lastStop, observed) ? lastStop : undefined
}

function describeAction(action: NonNullable<Situation['action']>): Pick<Workspace, 'state' | 'reason'> {
  const [state, words] = doing[leavesState(action.kind) ? 'start' : action.kind]
  const where = action.elsewhere ? ' by another Berth process' : ''
  const stopping = action.kind === 'restart' && action.phase.startsWith('stop')
  return {
    state: stopping ? 'stopping' : state,
    reason: `${words}${where}${action.phase ? `: ${action.phase}` : ''}`,
  }
}

type Described = Pick<Workspace, 'state' | 'reason' | 'problem'>

function failed(
  observed: ObservedWorkspace,
  problem: Omit<Problem, 'actions'>,
  verbs: readonly ('start' | 'restart' | 'rebuild' | 'delete')[],
): Described {
  const labels = { start: 'Start', restart: 'Restart', rebuild: 'Rebuild', delete: 'Delete' }
  return {
    state: 'failed',
    reason: problem.title,
    problem: {
      ...problem,
      actions: verbs.map((verb) => ({
        kind: 'workspace',
        label: labels[verb],
        verb,
        workspaceId: observed.id,
      })),
    },
  }
}

function describe(observed: ObservedWorkspace, situation: Situation): Described {
  const known = describeReachable(observed, situation)
  if (situation.target?.state !== 'unreachable') return known
  return { ...known, reason: `${situation.target.name} cannot be reached; last seen ${known.state}` }
}

function describeReachable(observed: ObservedWorkspace, situation: Situation): Described {
  if (!observed.complete) return describeIncomplete(observed, situation)
  if (observed.run === 'missing') {
    return failed(
      observed,
      {
        code: 'workspace-gone',
        title: observed.kubernetes ? 'Its StatefulSet was removed' : 'Its container was removed',
        cause: 'Somebody removed it without Berth. The source and the home folder are still there.',
        remedy: 'Rebuild it: nothing in these folders is lost.',
      },
      ['rebuild', 'delete'],
    )
  }
  if (observed.replacing) {
    return describeReplacing(observed, situation)
  }
  switch (observed.run) {
    case 'running':
      return { state: 'running', reason: runningReason(observed, situation) }
    case 'failed':
      return {
        state: 'failed',
        reason: observed.reason,
        problem: observed.problem ?? {
          code: 'workspace-exited',
          title: 'The workspace ended by itself',
          cause: observed.reason,
          remedy: 'Look at its logs, and start it again.',
          actions: [
            { kind: 'workspace', label: 'Start', verb: 'start', workspaceId: observed.id },
            { kind: 'workspace', label: 'Rebuild', verb: 'rebuild', workspaceId: observed.id },
          ],
        },
      }
    default: {
      const why = observed.run === 'stopped' ? lastStopOf(observed)?.reason : undefined
      return { state: observed.run, reason: why ?? observed.reason }
    }
  }
}

function describeReplacing(observed: ObservedWorkspace, { interrupted }: Situation): Described {
  // Another home or machine is seen by its traces only: it may well be at work.
  if (!interrupted) return { state: 'starting', reason: 'Being rebuilt elsewhere, or interrupted there' }
  return failed(
    observed,
    {
      code: 'interrupted',
      title: 'Its rebuild was interrupted',
      cause: `Berth was ended while ${interrupted.phase}. The workspace as it was before is still there.`,
      remedy: 'Start it as it was before, or rebuild it again.',
    },
    ['start', 'rebuild', 'delete'],
  )
}

/** Nothing of it is seen but its traces: it is not known whether somebody is at work on them. */
const unseen = 'A Berth process of another user, home or machine is at it, or was ended on the way.'

/** A running workspace can be used, whatever a lifecycle command did: its reason tells of it. */
function runningReason(observed: ObservedWorkspace, { mishap, interrupted }: Situation): string {
  if (mishap) return `${observed.reason}; ${mishap.title}`
  if (interrupted && ['create', 'start', 'restart'].includes(interrupted.kind)) {
    return `${observed.reason}; Berth was ended while ${interrupted.phase}, and a rebuild does that again`
  }
  return observed.reason
}

function describeIncomplete(observed: ObservedWorkspace, { interrupted, owner }: Situation): Described {
  // What another machine does is seen by its traces only: it may well be at work.
  if (!interrupted && observed.owner !== owner) {
    return { state: 'creating', reason: `Being created by ${observed.owner}, or interrupted there` }
  }
  const told = interrupted
    ? {
        title: 'Its creation was interrupted',
        cause: `Berth was ended while ${interrupted.phase}.`,
        remedy: 'Rebuild it to go on, or delete what there is of it.',
      }
    : {
        title: 'Its creation is not done',
        cause: unseen,
        remedy: 'Wait if you know of one; else rebuild it to go on, or delete what there is of it.',
      }
  return failed(observed, { code: 'interrupted', ...told }, ['rebuild', 'delete'])
}
