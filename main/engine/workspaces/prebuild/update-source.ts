import { lstat, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { problem } from '#contract'
import type { Driver, WorkspaceSpec } from '../../drivers/driver'
import type { Action } from '../guard'
import type { Selected, Selection } from '../source/selection'
import { measureFolder, tarFolder } from '../source/tar-folder'
import { isOwnClone, type Prebuilt } from './find'

export const updateStep = { id: 'update', title: 'Bringing the source up to date' }

/** How many paths one command takes, and how many bytes of them. */
const MOST = { paths: 500, bytes: 64 * 1024 }

/**
 * Brings the source of a prebuild in a running workspace to the commit of a clone: files that differ between the two
 * commits are replaced or taken away, and git's own become the clone's. All else stays, such as what commands installed
 * among the files that git ignores, with its times.
 */
export async function updateSource(
  { operation }: Action,
  driver: Driver,
  spec: WorkspaceSpec,
  { image, changed }: Prebuilt,
  clone: string,
): Promise<void> {
  const root = spec.sourceFolder ?? spec.definition.workspaceFolder
  await operation.step(updateStep.id, async (report, signal) => {
    const isOwn = spec.source.kind === 'git' && isOwnClone(image.record, spec.source)
    // Hooks that a command has put there stay, and so does what it told git; but a branch and an address are settings, too.
    const stays = new Set(isOwn ? ['hooks', 'config'] : ['hooks'])
    const own = (await readdir(join(clone, '.git'))).filter((name) => !stays.has(name))
    const gone = ['packed-refs', 'modules', 'FETCH_HEAD', 'ORIG_HEAD', 'logs', ...own]
    const git = [...new Set(gone)].map((name) => `.git/${name}`)
    report.detail('Taking away what has changed')
    await removePaths(driver, spec, root, [...git, ...changed], signal)
    const selection = selectionOf(clone, [...own.map((name) => `.git/${name}`), ...changed])
    const size = await measureFolder(clone, signal, selection)
    const tar = tarFolder(clone, root.slice(1), spec.image.user, report, size, signal, selection)
    try {
      await driver.write(spec.id, '/', tar, signal)
    } finally {
      tar.destroy()
    }
    report.result(changed.length === 1 ? '1 file has changed' : `${changed.length} files have changed`)
  })
}

/** Parents first: what a link stood for before is gone before anything below it is meant. */
async function removePaths(
  driver: Driver,
  { id }: WorkspaceSpec,
  root: string,
  paths: readonly string[],
  signal: AbortSignal,
): Promise<void> {
  let part: string[] = []
  let length = 0
  const remove = async () => {
    if (part.length === 0) return
    const command = ['rm', '-rf', '--', ...part]
    part = []
    length = 0
    // A pod that is not root's never becomes root, and all that is in its volumes is its user's.
    const user = driver.cluster ? {} : { user: '0' }
    const running = await driver.exec(id, { command, ...user, cwd: root }, signal)
    running.stdin.end()
    running.stdout.resume()
    let told = ''
    running.stderr?.on('data', (chunk: Buffer) => {
      told = (told + chunk.toString()).slice(-2000)
    })
    const { code, problem: lost } = await running.exit
    if (code === 0) return
    throw problem(
      lost ?? {
        code: 'create-failed',
        title: 'The source could not be brought up to date',
        cause: told.trim().split('\n')[0] || `\`rm\` ended with exit code ${code}.`,
        remedy: 'Make the workspace without the prebuild: `berth up --no-prebuild`.',
        detail: told,
      },
    )
  }
  for (const path of paths) {
    // Names are bytes; what is no UTF-8 cannot be an argument, and is only written over.
    const name = Buffer.from(path, 'latin1').toString('utf8')
    if (name.includes('\uFFFD')) continue
    part.push(`./${name}`)
    length += name.length
    if (part.length >= MOST.paths || length >= MOST.bytes) await remove()
  }
  await remove()
}

/** Of a clone those paths that are there, with their parents. `paths` have one character per byte. */
function selectionOf(clone: string, paths: readonly string[]): Selection {
  return {
    async *entries(signal: AbortSignal): AsyncGenerator<Selected> {
      const told = new Set<string>()
      for (const path of paths) {
        signal.throwIfAborted()
        const bytes = Buffer.from(path, 'latin1')
        const full = Buffer.concat([Buffer.from(`${clone}/`), bytes])
        if (!(await lstat(full).catch(() => undefined))) continue
        const parts = path.split('/').slice(0, -1)
        for (const [index] of parts.entries()) {
          const parent = parts.slice(0, index + 1).join('/')
          if (told.has(parent)) continue
          told.add(parent)
          yield { path: Buffer.from(parent, 'latin1'), whole: false }
        }
        yield { path: bytes, whole: true }
      }
    },
  }
}
