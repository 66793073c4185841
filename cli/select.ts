import { problem, type Target, type Workspace } from '#contract'
import type { Engine } from '../main/engine/engine'
import { commandName } from './command-name'

/** Once a workspace of the name is known, how long to wait for slow targets that may have another of it. */
const OTHER_TARGETS = 2_000
/** How long a target may take to answer before it counts as silent. */
const SETTLE_LIMIT = 20_000

export type Match =
  | { readonly kind: 'one'; readonly workspace: Workspace; readonly certain: boolean }
  | { readonly kind: 'several'; readonly workspaces: readonly Workspace[] }
  | { readonly kind: 'none' }

/**
 * What a person means by `text`: an id, a name, `target/name`, or a unique beginning of a name or id. Names go before
 * beginnings. `certain`: no workspace of a target that has not answered yet could be meant as well.
 */
export function matchWorkspace(
  text: string,
  workspaces: readonly Workspace[],
  targets: readonly Target[],
): Match {
  const byId = workspaces.find((workspace) => workspace.id === text)
  if (byId) return { kind: 'one', workspace: byId, certain: true }
  const slash = text.lastIndexOf('/')
  if (slash >= 0) {
    const targetText = text.slice(0, slash)
    const ids = new Set(
      targets.filter((target) => target.id === targetText || target.name === targetText).map(({ id }) => id),
    )
    const match = matchName(
      text.slice(slash + 1),
      workspaces.filter((workspace) => ids.has(workspace.targetId)),
    )
    return match.kind === 'one' ? { ...match, certain: ids.size === 1 } : match
  }
  return matchName(text, workspaces)
}

function matchName(text: string, workspaces: readonly Workspace[]): Match {
  if (text === '') return { kind: 'none' }
  const exact = workspaces.filter(({ name, id }) => name === text || id === text)
  const found =
    exact.length > 0
      ? exact
      : workspaces.filter(({ name, id }) => name.startsWith(text) || id.startsWith(text))
  const [first] = found
  if (!first) return { kind: 'none' }
  if (found.length > 1) return { kind: 'several', workspaces: found }
  return { kind: 'one', workspace: first, certain: false }
}

/**
 * Finds the workspace that a person means, waiting for targets to answer as long as that can change the result.
 * Rejects with `not-found`, or `invalid-input` where several are meant.
 */
export async function findWorkspace(engine: Engine, text: string, signal: AbortSignal): Promise<Workspace> {
  const { workspaces, targets } = engine.collections
  const match = () => matchWorkspace(text, workspaces.list(), targets.list())
  await settledOr(engine, signal, () => {
    const found = match()
    return found.kind === 'one' && found.certain ? 'enough' : found.kind === 'none' ? 'wait' : 'soon'
  })
  const found = match()
  if (found.kind === 'one') return found.workspace
  if (found.kind === 'several') throw ambiguous(text, found.workspaces, targets.list())
  throw notFound(text, targets.list())
}

/** Rejects with `workspace-not-running`, with what to do, for a workspace in which nothing can run just now. */
export function requireRunning(workspace: Workspace): void {
  const { state, name, id, reason } = workspace
  if (state !== 'stopped' && state !== 'failed' && state !== 'stopping') return
  throw problem({
    code: 'workspace-not-running',
    title: `${name} is ${state}`,
    cause: `${reason}.`,
    remedy: state === 'stopping' ? 'Start it when it has stopped.' : '',
    ...(state === 'stopping'
      ? {}
      : { actions: [{ kind: 'workspace', label: 'Start it', verb: 'start', workspaceId: id }] }),
  })
}

/**
 * Waits until every target has answered, or `judge` says that it is `enough`, or has said `soon` for a while.
 */
async function settledOr(
  engine: Engine,
  signal: AbortSignal,
  judge: () => 'wait' | 'soon' | 'enough',
): Promise<void> {
  if (judge() === 'enough') return
  await new Promise<void>((resolve, reject) => {
    let soon: NodeJS.Timeout | undefined
    const limit = setTimeout(() => finish(resolve), SETTLE_LIMIT)
    const onAbort = () => finish(() => reject(signal.reason))
    const check = () => {
      const verdict = judge()
      if (verdict === 'enough') finish(resolve)
      else if (verdict === 'soon') soon ??= setTimeout(() => finish(resolve), OTHER_TARGETS)
    }
    const stopWorkspaces = engine.collections.workspaces.onChange(check)
    const stopTargets = engine.collections.targets.onChange(check)
    function finish(action: () => void): void {
      clearTimeout(limit)
      clearTimeout(soon)
      void stopWorkspaces()
      void stopTargets()
      signal.removeEventListener('abort', onAbort)
      action()
    }
    signal.addEventListener('abort', onAbort, { once: true })
    if (signal.aborted) return onAbort()
    void engine.settled.then(() => finish(resolve))
    check()
  })
}

/** Waits until every target has answered or failed to, but not for ever. */
export function settled(engine: Engine, signal: AbortSignal): Promise<void> {
  return settledOr(engine, signal, () => 'wait')
}

/** How a target is called on the command line: its name where that is unique, else its id. */
export function targetLabel(targetId: string, targets: readonly Target[]): string {
  const target = targets.find(({ id }) => id === targetId)
  if (!target) return targetId
  return targets.filter(({ name }) => name === target.name).length > 1 ? target.id : target.name
}

/** Finds a target by id or name. Rejects with `not-found`. */
export function findTarget(text: string, targets: readonly Target[]): Target {
  const found =
    targets.find(({ id }) => id === text) ??
    (targets.filter(({ name }) => name === text).length === 1
      ? targets.find(({ name }) => name === text)
      : undefined)
  if (found) return found
  throw problem({
    code: 'not-found',
    title: `There is no target “${text}”`,
    cause: targets.length
      ? `The targets are: ${targets.map(({ id }) => targetLabel(id, targets)).join(', ')}.`
      : 'No target is configured.',
    remedy: `See \`${commandName()} targets\`.`,
  })
}

function ambiguous(text: string, found: readonly Workspace[], targets: readonly Target[]) {
  return problem({
    code: 'invalid-input',
    title: `“${text}” is more than one workspace`,
    cause: `It can mean ${found
      .map(({ name, id, targetId }) => `${targetLabel(targetId, targets)}/${name} (${id})`)
      .join(', ')}.`,
    remedy: 'Write target/name, or the id.',
  })
}

function notFound(text: string, targets: readonly Target[]) {
  const silent = targets.filter(({ state }) => state !== 'ready')
  return problem({
    code: 'not-found',
    title: `There is no workspace “${text}”`,
    cause: silent.length
      ? `None on the targets that answered. Without an answer: ${silent
          .map(({ id, problem: reason }) => targetLabel(id, targets) + (reason ? ` (${reason.title})` : ''))
          .join(', ')}.`
      : 'No target has one of that name or id.',
    remedy: `See \`${commandName()} list\`.`,
  })
}
