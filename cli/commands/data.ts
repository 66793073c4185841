import { type DataPlan, type DataSnapshot, type DataSource, problem, type Workspace } from '#contract'
import type { Engine } from '../../main/engine/engine'
import { commandName } from '../command-name'
import { confirm } from '../confirm'
import type { CommandContext } from '../execute'
import { actionDocument, runOperation } from '../operation'
import { findWorkspace, settled, targetLabel } from '../select'
import { bytes, duration, printable, table } from '../text'
import { workspaceLabel } from '../workspace-document'

/** `berth data list`: the data volumes and snapshots of a workspace, or all snapshots there are. */
export async function list(context: CommandContext, text: string | undefined): Promise<undefined> {
  const engine = await context.engine()
  if (text === undefined) {
    await settled(engine, context.signal)
    const snapshots = await engine.call('data.snapshots', {}, context.signal)
    if (context.json) return void context.document({ volumes: [], snapshots })
    if (snapshots.length === 0) return void context.say('There are no snapshots.')
    const targets = engine.collections.targets.list()
    const rows = snapshots.map(({ targetId, snapshot, orphan }) => [
      printable(snapshot.workspaceName) + (orphan ? ' (deleted)' : ''),
      targetLabel(targetId, targets),
      ...row(snapshot),
    ])
    context.print(table(['WORKSPACE', 'TARGET', ...header], rows))
    return
  }
  const workspace = await findWorkspace(engine, text, context.signal)
  const { volumes, snapshots } = await engine.call('data.list', { workspaceId: workspace.id }, context.signal)
  if (context.json) {
    const placed = snapshots.map((snapshot) => ({ targetId: workspace.targetId, snapshot, orphan: false }))
    return void context.document({ volumes, snapshots: placed })
  }
  if (volumes.length === 0) context.say(`${workspace.name} has no data volumes.`)
  else
    context.print(
      table(
        ['VOLUME', 'USED BY'],
        volumes.map(({ name, services, ofWorkspace }) => [
          printable(name),
          [...services, ...(ofWorkspace ? ['the workspace'] : [])].join(', '),
        ]),
      ),
    )
  if (snapshots.length === 0) context.say('It has no snapshots.')
  else context.print(`\n${table(header, snapshots.map(row))}`)
}

const header = ['SNAPSHOT', 'NAME', 'AGE', 'SOURCE', 'SIZE', 'VOLUMES']

function row({ id, name, createdAt, branch, commit, volumes }: DataSnapshot): string[] {
  return [
    id,
    printable(name),
    duration(Date.now() - createdAt),
    printable([branch, commit?.slice(0, 8)].filter(Boolean).join(' ')),
    bytes(volumes.reduce((sum, volume) => sum + volume.bytes, 0)),
    volumes.map((volume) => printable(volume.name)).join(', '),
  ]
}

export interface SnapshotOptions {
  readonly name?: string
  readonly volume?: readonly string[]
}

/** `berth data snapshot`. */
export async function snapshot(
  context: CommandContext,
  text: string,
  { name, volume }: SnapshotOptions,
): Promise<undefined> {
  const engine = await context.engine()
  const { id: workspaceId, name: workspaceName } = await findWorkspace(engine, text, context.signal)
  let snapshotId = ''
  const result = await runOperation(context, engine, async () => {
    const started = await engine.call(
      'data.snapshot',
      { workspaceId, ...(name !== undefined && { name }), ...(volume && { volumes: [...volume] }) },
      context.signal,
    )
    snapshotId = started.snapshotId
    return started
  })
  if (context.json) {
    const { snapshots } = await engine.call('data.list', { workspaceId }, context.signal)
    const taken = snapshots.find(({ id }) => id === snapshotId) ?? null
    return void context.document({ ...actionDocument(result), snapshot: taken })
  }
  context.print(snapshotId)
  context.say(`Get it back with \`${commandName()} data restore ${workspaceName} ${snapshotId}\`.`)
}

export interface RestoreOptions {
  readonly yes?: boolean
  readonly snapshotFirst?: boolean
}

/** `berth data restore`: `which` is a snapshot's id or name. */
export async function restore(
  context: CommandContext,
  text: string,
  which: string,
  options: RestoreOptions,
): Promise<undefined> {
  const engine = await context.engine()
  const workspace = await findWorkspace(engine, text, context.signal)
  const from = await ofSnapshot(engine, workspace.name, workspace.id, which, context.signal)
  await put(context, engine, workspace, from, options)
}

/** `berth data clone`: `text` is a workspace, or `workspace@snapshot`. */
export async function clone(
  context: CommandContext,
  text: string,
  into: string,
  options: RestoreOptions,
): Promise<undefined> {
  const engine = await context.engine()
  const workspace = await findWorkspace(engine, into, context.signal)
  await put(context, engine, workspace, await dataSource(engine, text, context.signal), options)
}

/** `berth data remove`: a snapshot by its id. */
export async function remove(
  context: CommandContext,
  snapshotId: string,
  { yes = false }: { readonly yes?: boolean },
): Promise<undefined> {
  const engine = await context.engine()
  await settled(engine, context.signal)
  const all = await engine.call('data.snapshots', {}, context.signal)
  const found = all.find(({ snapshot: one }) => one.id === snapshotId)
  if (!found) throw noSnapshot(snapshotId)
  const label = `“${printable(found.snapshot.name)}” of ${printable(found.snapshot.workspaceName)}`
  await confirm(context, `Remove ${label}?`, asSurvival([`The snapshot ${label}`]), yes)
  const { targetId } = found
  const { workspaceId } = found.snapshot
  await engine.call('data.remove', { targetId, workspaceId, snapshotId }, context.signal)
  if (context.json) return void context.document({ removed: found })
  context.say(`${label} is removed.`)
}

/** What `workspace` or `workspace@snapshot` means; of a snapshot that outlived its workspace its name or id. */
export async function dataSource(engine: Engine, text: string, signal: AbortSignal): Promise<DataSource> {
  const at = text.lastIndexOf('@')
  if (at < 0) return { workspaceId: (await findWorkspace(engine, text, signal)).id }
  const [name, which] = [text.slice(0, at), text.slice(at + 1)]
  await settled(engine, signal)
  const workspace = await findWorkspace(engine, name, signal).catch((error: unknown) => {
    signal.throwIfAborted()
    return { error }
  })
  if (!('error' in workspace)) return ofSnapshot(engine, workspace.name, workspace.id, which, signal)
  const all = await engine.call('data.snapshots', {}, signal)
  const ofIt = all.filter(({ snapshot: one }) => one.workspaceName === name || one.workspaceId === name)
  if (ofIt.length === 0) throw workspace.error
  return choose(
    ofIt.map((one) => one.snapshot),
    which,
  )
}

async function ofSnapshot(
  engine: Engine,
  name: string,
  workspaceId: string,
  which: string,
  signal: AbortSignal,
): Promise<DataSource> {
  const { snapshots } = await engine.call('data.list', { workspaceId }, signal)
  if (snapshots.length === 0)
    throw problem({
      code: 'not-found',
      title: `${name} has no snapshots`,
      cause: 'None was taken, or all were removed.',
      remedy: `Take one with \`${commandName()} data snapshot ${name}\`.`,
    })
  return choose(snapshots, which)
}

/** By id, by name, or `latest`. */
function choose(snapshots: readonly DataSnapshot[], which: string): DataSource {
  const byId = snapshots.filter(({ id }) => id === which)
  const found = byId.length > 0 ? byId : snapshots.filter(({ name }) => name === which)
  const [first = which === 'latest' ? snapshots[0] : undefined] = found
  if (!first) throw noSnapshot(which)
  if (found.length > 1)
    throw problem({
      code: 'invalid-input',
      title: `“${printable(which)}” is more than one snapshot`,
      cause: `It can mean ${found.map(({ id }) => id).join(', ')}.`,
      remedy: 'Write the id.',
    })
  return { workspaceId: first.workspaceId, snapshotId: first.id }
}

function noSnapshot(which: string) {
  return problem({
    code: 'not-found',
    title: `There is no snapshot “${printable(which)}”`,
    cause: 'No snapshot has that id or name.',
    remedy: `See \`${commandName()} data list\`.`,
  })
}

async function put(
  context: CommandContext,
  engine: Engine,
  workspace: Workspace,
  from: DataSource,
  { yes = false, snapshotFirst = false }: RestoreOptions,
): Promise<undefined> {
  const label = workspaceLabel(engine, workspace)
  const workspaceId = workspace.id
  const plan = await engine.call('data.plan', { workspaceId, from }, context.signal)
  for (const line of planLines(plan, snapshotFirst)) context.say(line)
  const lost = snapshotFirst ? [] : plan.replaced.map((name) => `What ${printable(name)} holds now`)
  await confirm(context, `Replace the data of ${label}?`, asSurvival(lost), yes)
  const result = await runOperation(context, engine, () =>
    engine.call('data.restore', { workspaceId, from, snapshotFirst }, context.signal),
  )
  if (context.json) return void context.document({ ...actionDocument(result), plan })
  context.say(`The data of ${label} is replaced: ${plan.replaced.map(printable).join(', ')}.`)
}

function planLines(plan: DataPlan, snapshotFirst: boolean): string[] {
  const names = (all: readonly string[]) => all.map(printable).join(', ')
  return [
    ...(plan.stops.length > 0 ? [`Stopped meanwhile: ${names(plan.stops)}`] : []),
    ...(plan.left.length > 0 ? [`Left as it is: ${names(plan.left)}`] : []),
    ...(plan.unused.length > 0 ? [`Not used: ${names(plan.unused)}`] : []),
    ...plan.warnings.map((warning) => `Mind: ${printable(warning)}`),
    ...(snapshotFirst ? [] : ['Say --snapshot-first to keep what is there.']),
  ]
}

const asSurvival = (lost: readonly string[]) => ({
  kept: [],
  lost: lost.map((what) => ({ what })),
  unsaved: [],
  unsavedKnown: true,
})
