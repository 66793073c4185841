import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { waitFor } from '../../../main/engine/platform/collection'
import { command } from '../../harness/command'
import type { Bench, PreparedBench } from '../bench'
import { referenceText } from '../kubernetes/cluster'
import { openPlace } from '../kubernetes/place'
import { type BenchEngine, type BenchWorkspace, inContainer, openEngine } from '../workspace'

const FOLDERS = 500
const PER_FOLDER = 100
const COUNT = FOLDERS * PER_FOLDER
const TREE = '/var/tmp/tree'

/** Files of 1 to 6 KiB, as a source tree has them. */
const MAKE = `mkdir ${TREE} && cd ${TREE} && head -c 6144 /dev/urandom > seed &&
for f in $(seq ${FOLDERS}); do
  mkdir folder-$f && for i in $(seq ${PER_FOLDER}); do head -c $((1024 + i * 51)) seed > folder-$f/file-$i.txt; done
done && rm seed`

/** Copies the tree into a folder of this machine. */
type Copy = (folder: string) => Promise<void>

/** Of a place with a workspace in which the tree is; `dispose` ends the place. */
async function prepared(
  berth: BenchEngine,
  workspace: BenchWorkspace,
  reference: Copy,
  rest: Pick<PreparedBench, 'facts' | 'dispose'>,
): Promise<PreparedBench> {
  // What comes is deleted at the end: for a while ext4 steps over each inode that was given back, which makes new files
  // after the deletion of as many take ten times as long.
  const parent = await mkdtemp(join(tmpdir(), 'berth-bench-files-'))
  let number = 0
  const timed = async (copy: Copy) => {
    number += 1
    const folder = await mkdtemp(join(parent, `${number}-`))
    const started = performance.now()
    await copy(folder)
    const seconds = (performance.now() - started) / 1000
    const found = await readdir(join(folder, 'tree'), { recursive: true })
    if (found.length !== COUNT + FOLDERS) throw new Error(`${found.length} entries came`)
    return COUNT / seconds
  }
  const ours: Copy = async (folder) => {
    const input = { workspaceId: workspace.id, paths: [TREE], folder }
    const { transferId } = await berth.engine.call('transfers.download', input)
    const { transfers } = berth.engine.collections
    const ended = await waitFor(transfers, transferId, (one) => one?.endedAt !== undefined)
    if (ended?.state !== 'done') throw new Error(`${ended?.state}: ${ended?.problem?.cause}`)
  }
  return {
    ...rest,
    ours: () => timed(ours),
    reference: () => timed(reference),
    async dispose() {
      await rm(parent, { recursive: true, force: true })
      await rest.dispose()
    },
  }
}

const shape = { unit: 'files/s', target: { kind: 'ratio', atLeast: 1 }, rounds: 7 } as const

/** A folder of many small files, downloaded as the window does it. */
export const files: Bench = {
  ...shape,
  name: 'files',
  title: '50,000 small files down / docker cp',
  async prepare() {
    const berth = await openEngine()
    const workspace = await berth.workspace()
    await inContainer(workspace.container, MAKE)
    const reference: Copy = async (folder) => {
      await command('docker', ['cp', `${workspace.container}:${TREE}`, folder])
    }
    return prepared(berth, workspace, reference, { dispose: () => berth.dispose() })
  },
}

/** The same from a pod. */
export const clusterFiles: Bench = {
  ...shape,
  name: 'k8s-files',
  title: '50,000 small files down from a pod / kubectl cp',
  async prepare() {
    const place = await openPlace()
    const workspace = await place.berth.workspace()
    const pod = workspace.container
    await place.run(['exec', pod, '--container', 'workspace', '--', 'sh', '-c', MAKE])
    const reference: Copy = async (folder) => {
      // Without retries it ends now and then at “unexpected EOF”; with them it goes on where it was.
      const how = ['--container', 'workspace', '--retries', '10']
      await place.run(['cp', ...how, `${pod}:${TREE}`, join(folder, 'tree')])
    }
    return prepared(place.berth, workspace, reference, {
      facts: async () => [{ what: 'reference', value: await referenceText(place), pass: true }],
      dispose: () => place.dispose(),
    })
  },
}
