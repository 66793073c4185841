import { lstat, rm, stat } from 'node:fs/promises'
import { dirname, join, posix } from 'node:path'
import { problem } from '#contract'
import type { FileSession } from '../link/link'
import { type Connected, whileConnected } from './connected'
import { localProblem, partName, settle } from './local'
import type { CopyReport } from './report'
import { extract } from './tar/extract'
import { pack } from './tar/pack'
import { TreeWriter } from './tar/writer'
import { followLinks, removeTree, type TreeEntry, walk } from './tree'

export interface FolderCopy extends Connected {
  readonly from: string
  /** Nothing may have the name; where something has it at the end, that is a Problem, `name-taken`. */
  readonly to: string
  /** Whether what an attempt before left is gone on with; else it is taken away first. */
  readonly goesOn: boolean
  /** Who shall own what comes into the workspace. */
  readonly user: { readonly uid: number; readonly gid: number }
}

/** Files that are fetched together. */
const AT_ONCE = 8

/**
 * Copies a folder of a workspace to this machine, beside its place first: as one tar stream, which is by far the
 * quickest way for many files (bench `files`). When that breaks, what is missing is fetched file by file.
 */
export async function downloadFolder(
  job: FolderCopy,
  report: CopyReport,
  signal: AbortSignal,
): Promise<void> {
  const part = downloadPart(job)
  try {
    if (!job.goesOn) await forgetFolderDownload(job)
    await whileConnected(job, report, signal, async (session) => {
      // A tar stream comes as the driver reads it: what this user may not see is not for them.
      await session.list(job.from, 1)
      const there = await lstat(part).catch(() => undefined)
      if (there && !there.isDirectory()) await rm(part, { force: true })
      if (there?.isDirectory()) await fetchMissing(session, job.from, part, report, signal)
      else {
        // A driver reads a link as a link.
        const from = await followLinks(session, job.from)
        await extract(await job.link.read(from, signal), part, report, signal)
      }
    })
    if (!(await lstat(part)).isDirectory()) throw notAFolder(job.from)
    await settle(part, job.to, false)
  } catch (error) {
    throw localProblem(error, job.to)
  }
}

export function forgetFolderDownload(job: Pick<FolderCopy, 'link' | 'from' | 'to'>): Promise<void> {
  return rm(downloadPart(job), { recursive: true, force: true })
}

function downloadPart({ link, from, to }: Pick<FolderCopy, 'link' | 'from' | 'to'>): string {
  return join(dirname(to), partName(link.workspaceId, from, to))
}

async function fetchMissing(
  session: FileSession,
  from: string,
  part: string,
  report: CopyReport,
  signal: AbortSignal,
): Promise<void> {
  const writer = new TreeWriter(part, report)
  const fetch = async (entry: TreeEntry) => {
    const { kind, mode, path, size } = entry
    const header = { name: `top/${path}`, mode, size, mtime: new Date(entry.modified) }
    if (kind === 'folder') writer.writeWhole({ ...header, type: 'directory' }, [])
    else if (kind === 'link')
      writer.writeWhole(
        { ...header, type: 'symlink', linkname: await session.readlink(`${from}/${path}`) },
        [],
      )
    else if (kind === 'other') report.skip(path, 'it is neither a file nor a folder')
    else if (!writer.has(header)) {
      const content = session.read(`${from}/${path}`)
      await writer.write({ ...header, type: 'file' }, content)
    }
  }
  const going = new Set<Promise<void>>()
  for await (const entry of walk(session, from)) {
    signal.throwIfAborted()
    const one = fetch(entry).finally(() => going.delete(one))
    // Awaited below, or in the race before it.
    one.catch(() => undefined)
    going.add(one)
    if (going.size >= AT_ONCE) await Promise.race(going)
  }
  await Promise.all(going)
  const top = await session.stat(from)
  if (top)
    writer.writeWhole({ name: 'top/', type: 'directory', mode: top.mode, mtime: new Date(top.modified) }, [])
  await writer.finish()
}

/**
 * Copies a folder of this machine into a workspace, beside its place first: as one tar stream. When that breaks, the
 * next has what is not there yet.
 */
export async function uploadFolder(job: FolderCopy, report: CopyReport, signal: AbortSignal): Promise<void> {
  const part = uploadPart(job)
  try {
    const facts = await stat(job.from)
    const takeBack = report.mark()
    let { goesOn } = job
    await whileConnected(job, report, signal, async (session) => {
      takeBack()
      if (!goesOn) await forgetFolderUpload(job, session, signal)
      goesOn = true
      if (await session.lstat(job.to)) throw taken(job.to)
      const there = new Map<string, { readonly size: number; readonly modified: number }>()
      // Made as the workspace's user, who may write here or not: the tar stream would not ask.
      if ((await session.lstat(part))?.kind !== 'folder') await session.makeFolder(part)
      else
        for await (const entry of walk(session, part)) if (entry.kind === 'file') there.set(entry.path, entry)
      const tar = pack(
        job.from,
        {
          name: null,
          below: await followLinks(session, part),
          ...job.user,
          isThere: (name, { size, mtimeMs }) => {
            const found = there.get(name)
            return found?.size === size && found.modified === Math.floor(mtimeMs / 1000) * 1000
          },
        },
        report,
      )
      // A failure on either side has to reach the other, or it would wait for ever.
      const failing = new Promise<never>((_, reject) => tar.once('error', reject))
      failing.catch(() => undefined)
      try {
        await Promise.race([job.link.write('/', tar, signal), failing])
      } finally {
        tar.destroy()
      }
      await session.set(part, { mode: facts.mode & 0o777, modified: facts.mtimeMs })
      await session.rename(part, job.to)
    })
  } catch (error) {
    throw localProblem(error, job.from)
  }
}

export function forgetFolderUpload(
  job: Pick<FolderCopy, 'link' | 'from' | 'to'>,
  session: FileSession,
  signal: AbortSignal,
): Promise<void> {
  return removeTree(session, uploadPart(job), signal)
}

function uploadPart({ link, from, to }: Pick<FolderCopy, 'link' | 'from' | 'to'>): string {
  return posix.join(posix.dirname(to), partName(link.workspaceId, from, to))
}

function notAFolder(path: string) {
  return problem({
    code: 'invalid-input',
    title: `“${posix.basename(path)}” could not be copied`,
    cause: 'It is no folder any more.',
    remedy: 'Look at its folder again.',
  })
}

function taken(path: string) {
  return problem({
    code: 'name-taken',
    title: `${path} is there already`,
    cause: 'A folder is copied under a name of its own, and not into another one.',
    remedy: 'Choose another name, or take what is there away first.',
  })
}
