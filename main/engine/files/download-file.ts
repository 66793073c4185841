import { createHash, type Hash } from 'node:crypto'
import { type FileHandle, lstat, open, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { problem } from '#contract'
import type { FileAttributes, FileSession } from '../link/link'
import { type Connected, whileConnected } from './connected'
import { hashOf, localProblem, partName, settle } from './local'
import type { CopyReport } from './report'

export interface FileDownload extends Connected {
  /** In the workspace, absolute. */
  readonly from: string
  /** On this machine, absolute. */
  readonly to: string
  /** Whether what has the name is replaced; else that is a Problem, `name-taken`. */
  readonly replace: boolean
}

/**
 * Copies one file of a workspace to this machine, beside its place first. Goes on where an earlier attempt ended, if
 * what that brought is still how the file begins; at the end, both are compared by SHA-256. Its permissions and time are
 * kept. Rejects with a `ProblemError`; what was brought stays for the next attempt, see {@link forgetDownload}.
 */
export async function downloadFile(
  job: FileDownload,
  report: CopyReport,
  signal: AbortSignal,
): Promise<void> {
  const part = partOf(job)
  let counted = 0
  const count = (bytes: number) => {
    counted += bytes
    report.addBytes(bytes)
  }
  try {
    await whileConnected(job, report, signal, async (session) => {
      const facts = await regular(session, job.from)
      count(-counted)
      const file = await openPart(part)
      try {
        const { hash, size } = await begun(session, job.from, part, facts.size, signal)
        await file.truncate(size)
        count(size)
        const end = await fetch(session, job.from, { file, hash, size, end: facts.size }, count)
        await compare(session, job.from, hash, end, facts.size)
        await file.chmod(facts.mode & 0o777)
        await file.utimes(facts.modified / 1000, facts.modified / 1000)
      } finally {
        await file.close()
      }
    })
    await settle(part, job.to, job.replace)
  } catch (error) {
    throw localProblem(error, job.to)
  }
  report.addFile(job.from)
}

/** Removes what an attempt brought that is not to be gone on with. */
export function forgetDownload(job: Pick<FileDownload, 'link' | 'from' | 'to'>): Promise<void> {
  return rm(partOf(job), { force: true })
}

function partOf({ link, from, to }: Pick<FileDownload, 'link' | 'from' | 'to'>): string {
  return join(dirname(to), partName(link.workspaceId, from, to))
}

/** Never through a link that somebody else has put there. */
async function openPart(part: string): Promise<FileHandle> {
  const there = await lstat(part).catch(() => undefined)
  if (there && !there.isFile()) await rm(part, { force: true })
  return open(part, there?.isFile() ? 'r+' : 'wx', 0o600)
}

async function regular(session: FileSession, path: string): Promise<FileAttributes> {
  const facts = await session.stat(path)
  if (facts?.kind === 'file') return facts
  throw problem({
    code: facts ? 'invalid-input' : 'file-not-found',
    title: `${path} could not be copied`,
    cause: facts ? 'It is no regular file.' : 'There is no such file in the workspace any more.',
    remedy: 'Check the path.',
  })
}

/** How much of the file is here already, and the SHA-256 of that. */
async function begun(
  session: FileSession,
  path: string,
  part: string,
  end: number,
  signal: AbortSignal,
): Promise<{ hash: Hash; size: number }> {
  const nothing = { hash: createHash('sha256'), size: 0 }
  const { size } = await lstat(part)
  if (size === 0 || size > end) return nothing
  const [hash, there] = await Promise.all([hashOf(part, size, signal), session.digest(path, size)])
  if (!hash || there?.size !== size || hash.copy().digest('hex') !== there.sha256) return nothing
  return { hash, size }
}

/** Fetches the rest. Answers with how long the file has become here. */
async function fetch(
  session: FileSession,
  path: string,
  into: { readonly file: FileHandle; readonly hash: Hash; readonly size: number; readonly end: number },
  count: (bytes: number) => void,
): Promise<number> {
  let at = into.size
  for await (const piece of session.read(path, at, into.end - at)) {
    let done = 0
    while (done < piece.length)
      done += (await into.file.write(piece, done, piece.length - done, at + done)).bytesWritten
    into.hash.update(piece)
    at += piece.length
    count(piece.length)
  }
  return at
}

async function compare(
  session: FileSession,
  path: string,
  hash: Hash,
  size: number,
  expected: number,
): Promise<void> {
  const there = await session.digest(path, size)
  const isSame = there === undefined || (there.size === size && there.sha256 === hash.digest('hex'))
  if (size === expected && isSame) return
  throw problem({
    code: 'file-failed',
    title: `${path} could not be copied`,
    cause: 'It changed while it was copied.',
    remedy: 'Copy it again when nothing writes to it.',
  })
}
