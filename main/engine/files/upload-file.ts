import { createHash, type Hash } from 'node:crypto'
import { stat } from 'node:fs/promises'
import { posix } from 'node:path'
import { problem } from '#contract'
import type { FileSession } from '../link/link'
import { BULK, tarOf } from './bulk'
import { type Connected, whileConnected } from './connected'
import { hashOf, localProblem, partName, readLocal } from './local'
import type { CopyReport } from './report'
import { followLinks } from './tree'

/** Bytes at the end of what an attempt left that may have holes: parts under way are written in any order. */
const UNCERTAIN = 4 * 1024 * 1024

export interface FileUpload extends Connected {
  /** On this machine, absolute. */
  readonly from: string
  /** In the workspace, absolute. */
  readonly to: string
  /** Whether a file that has the name is replaced; else that is a Problem, `name-taken`. */
  readonly replace: boolean
  /** Who shall own it. */
  readonly user: { readonly uid: number; readonly gid: number }
}

/**
 * Copies one file of this machine into a workspace, beside its place first. Goes on where an earlier attempt ended, if
 * what that brought is how the file begins; at the end, both are compared by SHA-256. Its permissions and time are kept.
 * Rejects with a `ProblemError`; what was brought stays for the next attempt, see {@link forgetUpload}.
 */
export async function uploadFile(job: FileUpload, report: CopyReport, signal: AbortSignal): Promise<void> {
  const part = partOf(job)
  let counted = 0
  /** How far an attempt of this call is known to have come. */
  let known: number | undefined
  const count = (bytes: number) => {
    counted += bytes
    report.addBytes(bytes)
  }
  try {
    const facts = await stat(job.from)
    if (!facts.isFile()) throw noFile(job.from)
    await whileConnected(job, report, signal, async (session) => {
      const there = await session.lstat(job.to)
      const isRenamed = known === facts.size && there?.size === known && !(await session.lstat(part))
      // It was finished, and the connection broke before that was told.
      if (isRenamed) return
      if (there && (!job.replace || there.kind === 'folder')) throw taken(job.to, there.kind === 'folder')
      count(-counted)
      const beginning = () => begun(session, job.from, part, { size: facts.size, known }, signal)
      let { hash, size } = await beginning()
      if (size === 0 && facts.size >= BULK) {
        if (await sendBulk(session, job, { part, size: facts.size, hash, count }, signal)) size = facts.size
        else {
          count(-counted)
          const there = await beginning()
          hash = there.hash
          size = there.size
        }
      }
      count(size - counted)
      known = size
      if (size < facts.size || size === 0) {
        const source = hashed(readLocal(job.from, size, facts.size), hash, signal)
        const onWritten = (end: number) => {
          count(end - (known ?? 0))
          known = end
        }
        await session.write(part, source, { offset: size, mode: size > 0 ? 'on' : 'over', onWritten })
      }
      await compare(session, job.from, part, hash, facts.size)
      await session.set(part, { mode: facts.mode & 0o777, modified: facts.mtimeMs })
      await session.rename(part, job.to)
    })
  } catch (error) {
    throw localProblem(error, job.from)
  }
  report.addFile(job.from)
}

/** Removes what an attempt brought that is not to be gone on with. */
export async function forgetUpload(
  job: Pick<FileUpload, 'link' | 'from' | 'to'>,
  session: FileSession,
): Promise<void> {
  if (await session.lstat(partOf(job))) await session.remove(partOf(job))
}

function partOf({ link, from, to }: Pick<FileUpload, 'link' | 'from' | 'to'>): string {
  return posix.join(posix.dirname(to), partName(link.workspaceId, from, to))
}

/** How much of the file is there already, and the SHA-256 of that. */
async function begun(
  session: FileSession,
  from: string,
  part: string,
  whole: { readonly size: number; readonly known: number | undefined },
  signal: AbortSignal,
): Promise<{ hash: Hash; size: number }> {
  const nothing = { hash: createHash('sha256'), size: 0 }
  const there = await session.lstat(part)
  if (there && there.kind !== 'file') await session.remove(part)
  if (there?.kind !== 'file') return nothing
  // It has the file's permissions already where only its name was still to be given.
  if (there.mode !== 0o600) await session.set(part, { mode: 0o600 })
  if (there.size > whole.size) return nothing
  const size = Math.min(there.size, whole.known ?? Math.max(0, there.size - UNCERTAIN))
  if (size === 0) return nothing
  const [hash, digest] = await Promise.all([hashOf(from, size, signal), session.digest(part, size)])
  if (!hash || digest?.size !== size || hash.copy().digest('hex') !== digest.sha256) return nothing
  return { hash, size }
}

interface Bulk {
  readonly part: string
  readonly size: number
  readonly hash: Hash
  readonly count: (bytes: number) => void
}

/** As a tar stream over the driver. False where that did not work out, and the rest has to go in the other way. */
async function sendBulk(
  session: FileSession,
  { link, from, user }: FileUpload,
  { part, size, hash, count }: Bulk,
  signal: AbortSignal,
): Promise<boolean> {
  // Made as the workspace's user, who may write here or not: a driver would not ask.
  await session.write(part, noBytes(), { offset: 0, mode: 'over' })
  let failure: unknown
  const content = async function* () {
    try {
      yield* readLocal(from, 0, size)
    } catch (error) {
      failure = error
      throw error
    }
  }
  const path = await followLinks(session, part)
  const tar = tarOf({ path, size, ...user, content: content(), hash, onRead: count })
  // A failure on either side has to reach the other, or it would wait for ever.
  const failing = new Promise<never>((_, reject) => tar.once('error', reject))
  failing.catch(() => undefined)
  try {
    await Promise.race([link.write('/', tar, signal), failing])
    return true
  } catch (error) {
    if (signal.aborted || failure) throw failure ?? error
    return false
  } finally {
    tar.destroy()
  }
}

async function* noBytes(): AsyncGenerator<Buffer, void> {}

async function* hashed(
  source: AsyncIterable<Buffer>,
  hash: Hash,
  signal: AbortSignal,
): AsyncGenerator<Buffer, void> {
  for await (const chunk of source) {
    signal.throwIfAborted()
    hash.update(chunk)
    yield chunk
  }
}

async function compare(
  session: FileSession,
  from: string,
  part: string,
  hash: Hash,
  size: number,
): Promise<void> {
  const digest = await session.digest(part)
  const found = digest?.size ?? (await session.lstat(part))?.size
  if (found === size && (!digest || digest.sha256 === hash.digest('hex'))) return
  throw problem({
    code: 'file-failed',
    title: `${from} could not be copied`,
    cause: 'It changed while it was copied.',
    remedy: 'Copy it again when nothing writes to it.',
  })
}

function noFile(path: string) {
  return problem({
    code: 'invalid-input',
    title: `${path} could not be copied`,
    cause: 'It is neither a file nor a folder.',
    remedy: 'Choose something else.',
  })
}

function taken(path: string, isFolder: boolean) {
  return problem({
    code: 'name-taken',
    title: `${path} is there already`,
    cause: isFolder ? 'A folder has that name, and is not replaced.' : 'Something else has that name.',
    remedy: 'Choose another name, or take what is there away first.',
  })
}
