import { randomBytes } from 'node:crypto'
import { type DataSnapshot, type DataSource, problem, type Workspace } from '#contract'
import type { DataVerbs, Driver, NewSnapshot } from '../../drivers/driver'
import type { ActionContext } from '../actions/context'
import { sourceFolder, sourceFolderName } from '../source/name'
import { dataVolumes, type Offered } from './volumes'

/** How long git may take to say where the source is, milliseconds. */
const GIT_LIMIT = 5_000

export function newSnapshotId(): string {
  // 56 bits are enough for what is looked up by its workspace as well.
  return `s${BigInt(`0x${randomBytes(8).toString('hex')}`)
    .toString(36)
    .padStart(13, '0')
    .slice(-11)}`
}

/** Rejects with `unsupported` where a target's data cannot be copied. */
export function dataOf({ data, kind }: Driver): DataVerbs {
  if (data) return data
  throw problem({
    code: 'unsupported',
    title: 'Data cannot be copied here',
    cause: `Berth takes no snapshots on targets of the kind “${kind}”.`,
    remedy: 'Use the tools of the database itself, such as pg_dump, in the workspace.',
  })
}

/** Where data is taken from. */
export interface FoundSource {
  readonly targetId: string
  readonly data: DataVerbs
  readonly workspaceId: string
  /** What it is called: the workspace, and the snapshot. */
  readonly label: string
  readonly offered: readonly Offered[]
  /** Absent: the data as it is now, of `workspace`. */
  readonly snapshot?: DataSnapshot
  readonly workspace?: Workspace
}

/** Rejects with `not-found` where there is no such workspace or snapshot. */
export async function findSource(
  context: ActionContext,
  { workspaceId, snapshotId }: DataSource,
  signal: AbortSignal,
): Promise<FoundSource> {
  if (snapshotId === undefined) {
    const workspace = context.workspace(workspaceId)
    const { driver } = await context.target(workspace.targetId, signal)
    const offered = dataVolumes(workspace.definition)
    if (offered.length === 0) throw noData(workspace.name)
    const { targetId, name } = workspace
    return { targetId, data: dataOf(driver), workspaceId, label: name, offered, workspace }
  }
  for (const { targetId, data } of context.dataVerbs()) {
    const all = await data.snapshots(signal).catch(() => {
      signal.throwIfAborted()
      return []
    })
    const snapshot = all.find((one) => one.id === snapshotId && one.workspaceId === workspaceId)
    if (snapshot) {
      const label = `“${snapshot.name}” of ${snapshot.workspaceName}`
      return { targetId, data, workspaceId, label, offered: snapshot.volumes, snapshot }
    }
  }
  throw problem({
    code: 'not-found',
    title: 'There is no such snapshot',
    cause: `No target that can be reached has a snapshot ${snapshotId} of that workspace.`,
    remedy: 'It may have been removed, or its target be out of reach.',
  })
}

export function noData(name: string) {
  return problem({
    code: 'not-found',
    title: `${name} has no data volumes`,
    cause: 'Neither it nor a service of it has a named volume of its own. Its source and home are no data.',
    remedy: 'Give the service a named volume in the definition, and rebuild.',
  })
}

/** A snapshot that is to be taken of a workspace now; of all its data volumes unless some are named. */
export async function describeSnapshot(
  context: ActionContext,
  workspace: Workspace,
  { name, volumes }: { readonly name?: string | undefined; readonly volumes?: readonly string[] | undefined },
  signal: AbortSignal,
): Promise<NewSnapshot> {
  const all = dataVolumes(workspace.definition)
  if (all.length === 0) throw noData(workspace.name)
  const unknown = volumes?.find((wanted) => !all.some((one) => one.name === wanted))
  if (unknown !== undefined)
    throw problem({
      code: 'not-found',
      title: `There is no data volume ${unknown}`,
      cause: `${workspace.name} has ${all.map((one) => one.name).join(', ')}.`,
      remedy: 'Choose one of these.',
    })
  const createdAt = context.platform.clock.now()
  const where = await whereSourceIs(context, workspace, signal)
  return {
    id: newSnapshotId(),
    workspaceName: workspace.name,
    name: name ?? where.branch ?? 'Snapshot',
    createdAt,
    volumes: all
      .filter((one) => volumes === undefined || volumes.includes(one.name))
      .map((one) => ({ name: one.name, ...(one.image !== undefined && { image: one.image }) })),
    ...where,
  }
}

const script = `command -v git >/dev/null 2>&1 || exit 3
g() { git -c core.fsmonitor=false -c safe.directory='*' -C "$1" "$2" "$3" "$4" 2>/dev/null; }
g "$1" rev-parse --verify HEAD || exit 3
g "$1" symbolic-ref --short HEAD`

/** The commit and branch of its source; empty where it cannot be asked, which keeps nobody from taking a snapshot. */
async function whereSourceIs(
  context: ActionContext,
  workspace: Workspace,
  signal: AbortSignal,
): Promise<{ readonly commit?: string; readonly branch?: string }> {
  if (context.observed(workspace.id)?.run !== 'running') return {}
  const root = sourceFolder(workspace.definition, sourceFolderName(workspace.source))
  const limit = AbortSignal.any([signal, AbortSignal.timeout(GIT_LIMIT)])
  try {
    const command = ['sh', '-c', script, 'berth', root]
    const running = await context.links().get(workspace.id).exec({ command, cwd: '/' }, limit)
    const onAbort = () => running.destroy()
    limit.addEventListener('abort', onAbort, { once: true })
    try {
      running.stdin.end()
      running.stderr?.resume()
      let text = ''
      for await (const chunk of running.stdout)
        text = (text + (chunk as Buffer).toString('utf8')).slice(0, 4096)
      const [commit = '', branch = ''] = text.split('\n')
      if (!/^[0-9a-f]{40,64}$/.test(commit)) return {}
      return { commit, ...(/^[^\s]{1,200}$/.test(branch) && { branch }) }
    } finally {
      limit.removeEventListener('abort', onAbort)
      running.destroy()
    }
  } catch {
    signal.throwIfAborted()
    return {}
  }
}
