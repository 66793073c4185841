import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Definition, Operation } from '#contract'
import { readTemplate, renderText, templateValues } from '../../main/engine/definitions/template/template'
import { waitFor } from '../../main/engine/platform/collection'
import { folderReader } from '../../main/engine/workspaces/source/folder-reader'
import { Machine, purge, Rig } from '../workspaces/rig'
import type { Found } from './find'
import { ensureStandIn, STAND_IN, standIns } from './stand-in'

/** What became of a definition that was started. */
export interface Started {
  readonly file: string
  /** `done`: the workspace runs, and its lifecycle commands have succeeded. */
  readonly state: 'done' | 'running' | 'failed' | 'skipped'
  /** Why it is not done. */
  readonly reason?: string
}

export interface Startable {
  readonly found: Found
  readonly definition: Definition
}

/** Milliseconds that one may take, with its lifecycle commands. */
const LIMIT = 5 * 60_000

/**
 * Makes a workspace of each on the machine's own Docker, waits for its lifecycle commands, and deletes it. Images are
 * what `aliases` says, and a stand-in otherwise. `tell` is called as each is done.
 */
export async function startAll(
  all: readonly Startable[],
  aliases: Readonly<Record<string, string>>,
  tell: (started: Started) => void,
): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'berth-corpus-run-'))
  const machine = new Machine()
  try {
    const sources: { readonly path: string; readonly startable: Startable }[] = []
    for (const [index, startable] of all.entries()) {
      const reason = reasonToSkip(startable)
      if (reason) tell({ file: startable.found.shown, state: 'skipped', reason })
      else sources.push({ path: await copy(startable.found, join(folder, String(index))), startable })
    }
    const definitions = sources.map(({ startable }) => startable.definition)
    const recipes = sources.flatMap(({ path, startable: { definition } }) =>
      [definition.build, ...definition.services.map(({ build }) => build)].flatMap((build) =>
        build && !build.repository && build.inline === undefined
          ? [{ path: join(path, build.dockerfile), args: build.args }]
          : [],
      ),
    )
    await ensureStandIn(definitions, recipes)
    writeFileSync(
      join(machine.home, '.config', 'berth', 'settings.json'),
      JSON.stringify({
        defaultImage: STAND_IN,
        imageAliases: { ...standIns(definitions, recipes), ...aliases },
      }),
    )
    const rig = new Rig(machine)
    try {
      await rig.service.settled
      for (const { path, startable } of sources) tell(await start(rig, path, startable.found))
    } finally {
      await rig.dispose()
    }
  } finally {
    purge()
    machine.dispose()
    rmSync(folder, { recursive: true, force: true })
  }
}

function reasonToSkip({ found, definition }: Startable): string | undefined {
  const builds = [definition.build, ...definition.services.map(({ build }) => build)].filter(Boolean)
  if (found.text !== undefined) return 'it is a fragment'
  if (/(?:^|\/)docker-existing-/.test(found.root))
    return 'it is for a repository that has files of its own already'
  if (found.alone && builds.length > 0) return 'the Dockerfile that it names is not in the corpus'
  if (found.alone && readFileSync(join(found.root, found.path), 'utf8').includes('"dockerComposeFile"'))
    return 'the Compose file that it names is not in the corpus'
  if (definition.features.some(({ reference }) => !reference.startsWith('.')))
    return 'it has Features of a registry'
  return undefined
}

/** A copy of the repository to work in, with a template's options filled in. */
async function copy({ root }: Found, to: string): Promise<string> {
  const path = join(to, root.split('/').at(-1) ?? 'app')
  mkdirSync(to, { recursive: true })
  cpSync(root, path, { recursive: true })
  const template = await readTemplate(folderReader(path))
  if (!template) return path
  const values = templateValues(template, {})
  for (const entry of readdirSync(path, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue
    const file = join(entry.parentPath, entry.name)
    const bytes = readFileSync(file)
    if (!bytes.includes(0)) writeFileSync(file, renderText(bytes.toString('utf8'), values))
  }
  return path
}

async function start(rig: Rig, path: string, found: Found): Promise<Started> {
  const file = found.shown
  let id: string | undefined
  try {
    const made = await rig.create({ kind: 'folder', path }, { definitionPath: found.path })
    id = made.id
    const operation = await waitFor(
      rig.service.operations,
      made.operationId,
      (record) => record?.state !== 'running',
      AbortSignal.timeout(LIMIT),
    ).catch(async () => {
      await rig.cancel(made.operationId)
      return rig.ended(made.operationId)
    })
    return { file, ...outcome(operation) }
  } catch (error) {
    return { file, state: 'failed', reason: error instanceof Error ? error.message : String(error) }
  } finally {
    if (id !== undefined && rig.service.workspaces.get(id)) await rig.act('delete', id)
  }
}

function outcome(operation: Operation | undefined): Pick<Started, 'state' | 'reason'> {
  if (!operation) return { state: 'failed', reason: 'its operation is gone' }
  if (operation.state === 'succeeded') return { state: 'done' }
  const isUp = operation.steps.some(({ id, state }) => id === 'start' && state === 'done')
  const { problem } = operation
  const reason = problem ? `${problem.title}: ${problem.cause}` : `it ${operation.state}`
  return { state: isUp ? 'running' : 'failed', reason }
}
