import { problem, type Target, type Workspace } from '#contract'
import type { ReadonlyCollection } from '../platform/collection'

/** What the names end with under which SSH reaches workspaces. */
const SUFFIX = '.berth'
/** Once a workspace of the name is known, milliseconds for slow targets that may have another of it. */
const OTHER_TARGETS = 2_000
/** Milliseconds for a target to answer before it counts as silent. */
const SETTLE_LIMIT = 20_000
/** Milliseconds for a workspace that is on its way to run. */
const START_LIMIT = 120_000

/** What hosts are looked for in. */
export interface HostSource {
  readonly workspaces: ReadonlyCollection<Workspace>
  readonly targets: ReadonlyCollection<Target>
  /** Resolves once every target has answered, or failed to, for the first time. */
  readonly settled: Promise<void>
}

const label = (text: string) =>
  text
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-|-$/g, '')

/** The name under which SSH reaches a workspace: `demo.berth`, or `demo.default.berth` where several are called so. */
export function hostOf(
  { id, name, targetId }: Pick<Workspace, 'id' | 'name' | 'targetId'>,
  workspaces: readonly Workspace[],
  targets: readonly Target[],
): string {
  const target = targets.find((one) => one.id === targetId)
  const candidates = [
    name,
    ...(target ? [`${name}.${label(target.name)}`, `${name}.${label(target.id)}`] : []),
  ]
  const unique = candidates.find((candidate) => matching(candidate, workspaces, targets).length === 1)
  return (unique ?? id) + SUFFIX
}

/** All that a name without the suffix may mean. */
function matching(
  text: string,
  workspaces: readonly Workspace[],
  targets: readonly Target[],
): readonly Workspace[] {
  const [first = '', ...rest] = text.toLowerCase().split('.')
  const where = rest.join('.')
  const byId = workspaces.filter(({ id }) => id === first)
  const found = byId.length > 0 ? byId : workspaces.filter(({ name }) => name === first)
  if (where === '') return found
  const meant = targets.filter(({ id, name }) => label(name) === where || label(id) === where)
  return found.filter(({ targetId }) => meant.some(({ id }) => id === targetId))
}

/**
 * Finds the workspace of a host, waiting for targets to answer as long as that can change the result, and for one that
 * is starting to run. One that is stopped is left so. Rejects with a `ProblemError`, or the signal's reason.
 */
export async function findHost(source: HostSource, host: string, signal: AbortSignal): Promise<Workspace> {
  const text = host.toLowerCase().endsWith(SUFFIX) ? host.slice(0, -SUFFIX.length) : host
  const { settled, targets, workspaces } = source
  const found = () => matching(text, workspaces.list(), targets.list())
  let isSettled = false
  const settling = settled.then(() => {
    isSettled = true
  })
  await until(source, () => isSettled || found().length > 0, SETTLE_LIMIT, signal, settling)
  const isNamedFully = text.includes('.') || workspaces.get(text) !== undefined
  if (found().length === 1 && !isNamedFully)
    await until(source, () => isSettled, OTHER_TARGETS, signal, settling)
  const [first, ...others] = found()
  if (!first) throw notFound(host, targets.list())
  if (others.length > 0) throw ambiguous(host, found(), source)
  const now = () => workspaces.get(first.id)
  const isOnItsWay = () => now()?.state === 'starting' || now()?.state === 'creating'
  await until(source, () => !isOnItsWay(), START_LIMIT, signal)
  const workspace = now()
  if (!workspace) throw notFound(host, targets.list())
  if (workspace.state !== 'running') throw notRunning(workspace)
  return workspace
}

/** Waits until something is so, but not longer than that. Rejects with the signal's reason. */
function until(
  { targets, workspaces }: HostSource,
  isSo: () => boolean,
  milliseconds: number,
  signal: AbortSignal,
  other?: Promise<void>,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const finish = (settle: () => void) => {
      clearTimeout(limit)
      void stopWorkspaces()
      void stopTargets()
      signal.removeEventListener('abort', onAbort)
      settle()
    }
    const look = () => {
      if (isSo()) finish(resolve)
    }
    const onAbort = () => finish(() => reject(signal.reason))
    const limit = setTimeout(() => finish(resolve), milliseconds)
    const stopWorkspaces = workspaces.onChange(look)
    const stopTargets = targets.onChange(look)
    signal.addEventListener('abort', onAbort, { once: true })
    void other?.then(look)
    if (signal.aborted) onAbort()
    else look()
  })
}

function notRunning({ id, name, reason, state }: Workspace) {
  return problem({
    code: 'workspace-not-running',
    title: `${name} is ${state}`,
    cause: `${reason}. SSH does not start it by itself, since programs that connect anew would wake it.`,
    remedy:
      state === 'stopped' || state === 'failed'
        ? `Start it in Berth, or with \`berth start ${name}\`; \`berth ssh --start ${name}\` does both.`
        : 'Try again when it runs.',
    ...(state === 'stopped' || state === 'failed'
      ? {
          actions: [
            { kind: 'workspace' as const, label: 'Start it', verb: 'start' as const, workspaceId: id },
          ],
        }
      : {}),
  })
}

function notFound(host: string, targets: readonly Target[]) {
  const silent = targets.filter(({ state }) => state !== 'ready').map(({ name }) => name)
  return problem({
    code: 'not-found',
    title: `There is no workspace “${host}”`,
    cause:
      silent.length > 0
        ? `None on the targets that answered. Without an answer: ${silent.join(', ')}.`
        : 'No target has one of that name.',
    remedy: 'See `berth list` for those that there are. SSH reaches them as <workspace>.berth.',
  })
}

function ambiguous(host: string, found: readonly Workspace[], { targets, workspaces }: HostSource) {
  const names = found.map((workspace) => hostOf(workspace, workspaces.list(), targets.list()))
  return problem({
    code: 'invalid-input',
    title: `“${host}” is more than one workspace`,
    cause: `Several targets have one of that name: ${names.join(', ')}.`,
    remedy: 'Use one of these names.',
  })
}
