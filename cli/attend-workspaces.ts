import { type EventPayload, type Problem, problem, type Workspace, type WorkspaceState } from '#contract'
import type { Engine } from '../main/engine/engine'
import { commandName } from './command-name'
import type { CommandContext } from './execute'
import { untilInterrupted } from './until-interrupted'

/** What to know of a workspace in which nothing can run; undefined while it runs or is on its way. */
export function awayText({ lastStop, name, state, reason }: Workspace): string | undefined {
  if (state === 'failed') return `${name} has failed: ${lowered(reason)}. Its ports come when it runs.`
  if (state !== 'stopped') return undefined
  const why = lastStop ? `: ${lowered(lastStop.reason)}` : ''
  return `${name} is stopped${why}. Its ports come when it runs: ${commandName()} start ${name}`
}

/**
 * Says what happens to the workspaces that a command serves, until Ctrl-C. Returns why there is nothing left to serve
 * when the last of them is deleted; undefined after Ctrl-C.
 */
export async function attendWorkspaces(
  context: CommandContext,
  engine: Engine,
  served: readonly Workspace[],
): Promise<Problem | undefined> {
  const known = new Map(served.map((workspace) => [workspace.id, workspace]))
  const over = new AbortController()
  let last: Workspace | undefined
  const see = (workspace: Workspace) => {
    const before = known.get(workspace.id)
    if (!before) return
    known.set(workspace.id, workspace)
    const text = awayText(workspace)
    if (before.state !== workspace.state && text !== undefined) context.say(text)
  }
  const gone = (id: string) => {
    const workspace = known.get(id)
    if (!workspace) return
    known.delete(id)
    last = workspace
    if (known.size > 0) context.say(`${workspace.name} was deleted.`)
    else over.abort()
  }
  const { workspaces } = engine.collections
  const stop = workspaces.onChange(({ upserts, removes }) => {
    for (const workspace of upserts) see(workspace)
    for (const id of removes) gone(id)
  })
  const stopWarnings = engine.onEvent((event, payload) => {
    if (event !== 'workspace.idle') return
    const { minutesLeft, name, reason, workspaceId } = payload as EventPayload<'workspace.idle'>
    if (known.has(workspaceId))
      context.say(
        `${name} stops in ${minutesLeft} min: nothing has happened in it. Last: ${lowered(reason)}. To keep it: ${commandName()} idle ${name} --keep 4h`,
      )
  })
  // What happened between finding them and now.
  for (const { id } of served) {
    const now = workspaces.get(id)
    if (now) see(now)
    else gone(id)
  }
  await untilInterrupted(AbortSignal.any([context.signal, over.signal]))
  await stop()
  await stopWarnings()
  if (!last || known.size > 0) return undefined
  return problem({
    code: 'workspace-gone',
    title: `${last.name} was deleted`,
    cause: 'There is nothing left to serve.',
    remedy: `See \`${commandName()} list\` for the workspaces that there are.`,
  }).problem
}

const stateWords: Readonly<Record<Exclude<WorkspaceState, 'running'>, string>> = {
  creating: 'is being created',
  starting: 'is being started anew',
  stopping: 'is being stopped',
  stopped: 'is stopped',
  failed: 'has failed',
  deleting: 'is being deleted',
}

/** How long a workspace's end may take to show after that of a process in it, milliseconds. */
const TELLING = 1_000

/**
 * Why what ran in a workspace ended, where that was for the workspace's own sake: it was stopped, replaced, deleted.
 * Undefined when it goes on as before.
 */
export async function whyEnded(engine: Engine, before: Workspace): Promise<string | undefined> {
  const { workspaces } = engine.collections
  const look = () => {
    const now = workspaces.get(before.id)
    if (!now) return `${before.name} was deleted.`
    if (now.state !== 'running') return `${now.name} ${stateWords[now.state]}.`
    if (now.incarnation !== before.incarnation) return `${now.name} was restarted.`
    return undefined
  }
  return new Promise((resolve) => {
    const finish = () => {
      clearTimeout(timer)
      void stop()
      resolve(look())
    }
    const timer = setTimeout(finish, TELLING)
    const stop = workspaces.onChange(() => {
      if (look() !== undefined) finish()
    })
    if (look() !== undefined) finish()
  })
}

function lowered(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1)
}
