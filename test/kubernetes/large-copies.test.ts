import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Workspace } from '#contract'
import { waitFor } from '../../main/engine/platform/collection'
import { command } from '../harness/command'
import type { TestEngine } from '../ports/engine'
import { openPodWorkspace, type PodWorkspace } from './workspace'

// Both ways through the API server alone, as the window and the command line copy.

const GIGABYTE = 1_000_000_000
const FOLDERS = 500
const PER_FOLDER = 100
/** Room for a machine that has much else to do; a copy that hangs is one that does not end. */
const PATIENCE = 15 * 60_000

/** Digest of all names, permissions and contents below a folder; no line of it depends on the order. */
const treeDigest = (folder: string) =>
  `cd '${folder}' && { find . -type f -print0 | xargs -0 sha256sum; find . -printf '%m %p\\n'; } | LC_ALL=C sort | sha256sum`

let pod: PodWorkspace
let test: TestEngine
let workspace: Workspace
let folder: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'berth-large-'))
  pod = await openPodWorkspace()
  test = pod.test
  workspace = pod.workspace
})
afterAll(async () => {
  await pod?.dispose()
  if (folder) await rm(folder, { recursive: true, force: true })
})

async function ended(transferId: string): Promise<void> {
  const { transfers } = test.engine.collections
  const one = await waitFor(transfers, transferId, (found) => found?.endedAt !== undefined)
  expect({ state: one?.state, problem: one?.problem }).toEqual({ state: 'done', problem: undefined })
}
async function download(path: string, into: string): Promise<void> {
  await mkdir(into)
  const input = { workspaceId: workspace.id, paths: [path], folder: into }
  await ended((await test.engine.call('transfers.download', input)).transferId)
}
async function upload(path: string, into: string): Promise<void> {
  const input = { workspaceId: workspace.id, paths: [path], folder: into, existing: 'replace' as const }
  await ended((await test.engine.call('transfers.upload', input)).transferId)
}
const run = (line: string) => test.run(workspace.id, 'sh', '-c', line)

describe('copies from and to a pod', () => {
  it('are exact with one gigabyte in one file', { timeout: PATIENCE }, async () => {
    await run(`mkdir -p /tmp/large/back && head -c ${GIGABYTE} /dev/urandom > /tmp/large/file`)
    const told = (await run('sha256sum < /tmp/large/file')).slice(0, 64)
    const here = join(folder, 'file')
    await download('/tmp/large/file', here)
    const hash = createHash('sha256')
    for await (const chunk of createReadStream(join(here, 'file'))) hash.update(chunk as Buffer)
    expect(hash.digest('hex')).toBe(told)
    await run('rm /tmp/large/file')
    await upload(join(here, 'file'), '/tmp/large/back')
    expect((await run('sha256sum < /tmp/large/back/file')).slice(0, 64)).toBe(told)
    await run('rm -r /tmp/large')
  })

  it(`are exact with ${FOLDERS * PER_FOLDER} small files`, { timeout: PATIENCE }, async () => {
    await run(`mkdir -p /tmp/many/tree /tmp/many/back && cd /tmp/many/tree && head -c 4096 /dev/urandom > ../seed
for f in $(seq ${FOLDERS}); do mkdir folder-$f && for i in $(seq ${PER_FOLDER}); do
  { echo $f/$i; head -c $((i * 40)) ../seed; } > folder-$f/file-$i
done; done; chmod 600 folder-1/file-1`)
    const told = await run(treeDigest('/tmp/many/tree'))
    const here = join(folder, 'many')
    await download('/tmp/many/tree', here)
    expect(await command('sh', ['-c', treeDigest(join(here, 'tree'))])).toBe(told)
    await upload(join(here, 'tree'), '/tmp/many/back')
    expect(await run(treeDigest('/tmp/many/back/tree'))).toBe(told)
  })
})
