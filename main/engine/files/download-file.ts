import { createHash, type Hash } from 'node:crypto'
import { chmod, type FileHandle, lstat, open, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { problem } from '#contract'
import type { FileAttributes, FileSession } from '../link/link'
import { BULK, contentOf } from './bulk'
import { type Connected, whileConnected } from './connected'
import { hashOf, localProblem, partName, settle } from './local'
import type { CopyReport } from './report'
import { followLinks } from './tree'

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
        const sink = new Sink({ file, hash, size, end: facts.size }, count)
        if (size === 0 && facts.size >= BULK) await fetchBulk(session, job, sink, signal)
        await sink.take(session.read(job.from, sink.size, facts.size - sink.size))
        const end = sink.size
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
  // It has the file's permissions already where only its name was still to be given.
  if (there?.isFile()) await chmod(part, 0o600)
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

/** As a tar stream over the driver. What does not come that way is fetched in the other. */
async function fetchBulk(
  session: FileSession,
  { link, from }: Pick<FileDownload, 'link' | 'from'>,
  sink: Sink,
  signal: AbortSignal,
): Promise<void> {
  // As the workspace's user, who may read it or not: a driver would not ask.
  for await (const _piece of session.read(from, 0, 1)) break
  try {
    const tar = await link.read(await followLinks(session, from), signal)
    await sink.take(contentOf(tar, signal))
  } catch (error) {
    if (signal.aborted || sink.isBroken) throw error
  }
}

interface Begun {
  readonly file: FileHandle
  readonly hash: Hash
  /** How much of it is there. */
  readonly size: number
  /** How long it is to become. */
  readonly end: number
}

/** Where a file goes to, from what is there already on. */
class Sink {
  /** Whether this machine could not take it. */
  isBroken = false
  size: number
  readonly #begun: Begun
  readonly #count: (bytes: number) => void

  constructor(begun: Begun, count: (bytes: number) => void) {
    this.size = begun.size
    this.#begun = begun
    this.#count = count
  }

  /** Up to the length that it is to have. */
  async take(pieces: AsyncIterable<Buffer>): Promise<void> {
    const { end } = this.#begun
    if (this.size >= end) return
    for await (const piece of pieces) {
      await this.#write(piece.subarray(0, end - this.size))
      if (this.size >= end) return
    }
  }

  async #write(piece: Buffer): Promise<void> {
    const { file, hash } = this.#begun
    try {
      for (let done = 0; done < piece.length; ) {
        const { bytesWritten } = await file.write(piece, done, piece.length - done, this.size + done)
        done += bytesWritten
      }
    } catch (error) {
      this.isBroken = true
      throw error
    }
    hash.update(piece)
    this.size += piece.length
    this.#count(piece.length)
  }
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
