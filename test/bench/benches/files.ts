import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { waitFor } from '../../../main/engine/platform/collection'
import { command } from '../../harness/command'
import type { Bench } from '../bench'
import { inContainer, openEngine } from '../workspace'

const FOLDERS = 500
const PER_FOLDER = 100
const COUNT = FOLDERS * PER_FOLDER
const TREE = '/var/tmp/tree'

/** Files of 1 to 6 KiB, as a source tree has them. */
const MAKE = `mkdir ${TREE} && cd ${TREE} && head -c 6144 /dev/urandom > seed &&
for f in $(seq ${FOLDERS}); do
  mkdir folder-$f && for i in $(seq ${PER_FOLDER}); do head -c $((1024 + i * 51)) seed > folder-$f/file-$i.txt; done
done && rm seed`

/** A folder of many small files, downloaded as the window does it. */
export const files: Bench = {
  name: 'files',
  title: '50,000 small files down / docker cp',
  unit: 'files/s',
  target: { kind: 'ratio', atLeast: 1 },
  rounds: 7,
  async prepare() {
    const berth = await openEngine()
    const workspace = await berth.workspace()
    await inContainer(workspace.container, MAKE)
    const parent = await mkdtemp(join(tmpdir(), 'berth-bench-files-'))
    let number = 0
    const timed = async (copy: (folder: string) => Promise<void>) => {
      number += 1
      const folder = await mkdtemp(join(parent, `${number}-`))
      const started = performance.now()
      await copy(folder)
      const seconds = (performance.now() - started) / 1000
      const found = await readdir(join(folder, 'tree'), { recursive: true })
      await rm(folder, { recursive: true })
      if (found.length !== COUNT + FOLDERS) throw new Error(`${found.length} entries came`)
      return COUNT / seconds
    }
    return {
      ours: () =>
        timed(async (folder) => {
          const { transferId } = await berth.engine.call('transfers.download', {
            workspaceId: workspace.id,
            paths: [TREE],
            folder,
          })
          const { transfers } = berth.engine.collections
          const ended = await waitFor(transfers, transferId, (one) => one?.endedAt !== undefined)
          if (ended?.state !== 'done') throw new Error(`${ended?.state}: ${ended?.problem?.cause}`)
        }),
      reference: () =>
        timed(async (folder) => {
          await command('docker', ['cp', `${workspace.container}:${TREE}`, folder])
        }),
      async dispose() {
        await rm(parent, { recursive: true, force: true })
        await berth.dispose()
      },
    }
  },
}
