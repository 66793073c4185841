import { posix } from 'node:path'
import { PassThrough, type Readable, type Writable } from 'node:stream'
import { cancelled, type Problem, ProblemError, problem } from '#contract'
import type { ExecProcess } from '../../driver'
import { type ExecDependencies, type PodProcess, startExec } from './exec'
import type { ContainerAddress } from './open-command'

/** Exit codes of the scripts below, which neither tar nor a shell uses. */
const MISSING = 66
const NO_TAR = 67
const NOT_FOLDER = 68
/** What is kept of a tar's complaints. */
const LONGEST_COMPLAINT = 16_384

/** Bytes of one piece where the input is sent in pieces. */
const PIECE = 1024 * 1024
/** Comes before a tar stream: what a runtime says instead of running the script is none. */
const BEGIN = 43

const checks = `
export LC_ALL=C
command -v tar >/dev/null 2>&1 || exit ${NO_TAR}
`

const readScript = `${checks}
[ -e "$1" ] || [ -L "$1" ] || exit ${MISSING}
printf '\\${BEGIN.toString(8).padStart(3, '0')}'
exec tar -C "$2" -cf - -- "$3"
`

/**
 * Owners are numbers in the stream; GNU tar would look their names up, and for who is not root touch what folders were
 * there before. The first line says whether the input comes in pieces with their sizes before them, the last one of
 * size 0: where the end of the input cannot be told otherwise, for busybox reads on behind the end of the archive.
 */
const writeScript = `${checks}
[ -e "$1" ] || exit ${MISSING}
[ -d "$1" ] || exit ${NOT_FOLDER}
options=
help=$(tar --help 2>&1)
case $help in *--numeric-owner*) options=--numeric-owner ;; esac
[ "$(id -u 2>/dev/null)" = 0 ] || case $help in *--no-overwrite-dir*) options="$options --no-overwrite-dir" ;; esac
read -r how
[ "$how" = pieces ] || exec tar -C "$1" $options -xpf -
while read -r size && [ "$size" != 0 ]; do
  dd bs="$size" count=1 iflag=fullblock 2>/dev/null
done | tar -C "$1" $options -xpf -
`

/**
 * A tar stream of a file or folder, by the image's own tar. Resolves with the first bytes; what tar could not read is
 * told at the stream's end. See {@link Driver.read}.
 */
export async function readPath(
  dependencies: ExecDependencies,
  { pod, container }: ContainerAddress,
  path: string,
  signal: AbortSignal,
): Promise<Readable> {
  const title = `"${path}" could not be read`
  const whole = posix.resolve('/', path)
  const name = posix.basename(whole) || '.'
  const command = ['/bin/sh', '-c', readScript, 'berth', whole, posix.dirname(whole), name]
  const process = await startExec(dependencies, pod, container, { command }, signal)
  process.stdin.end()
  const complaint = collectComplaint(process)
  const guard = new PassThrough({ highWaterMark: 512 * 1024 })
  guard.on('error', () => undefined)
  let complete = false
  const onAbort = () => guard.destroy(cancelled())
  signal.addEventListener('abort', onAbort, { once: true })
  guard.once('close', () => {
    signal.removeEventListener('abort', onAbort)
    if (!complete) process.destroy()
  })
  const over = process.exit.then(async ({ code, problem: lost }): Promise<Problem | undefined> => {
    complete = true
    // GNU tar's 1: a file changed while it was read, and the stream is whole all the same.
    if (code === 0 || code === 1) return void guard.end()
    const failure = lost ?? failureOf(code ?? -1, await complaint, path, title)
    guard.destroy(new ProblemError(failure))
    return failure
  })
  const first = await firstByte(process.stdout)
  if (first === BEGIN) {
    process.stdout.pipe(guard, { end: false })
    return guard
  }
  process.stdout.resume()
  const failure = await over
  if (signal.aborted) throw cancelled()
  throw new ProblemError(failure ?? failureOf(NO_TAR, '', path, title))
}

/**
 * Unpacks a tar stream into a folder, by the image's own tar and as the container's user: owners are those of the
 * stream where that is root, and its own else. See {@link Driver.write}.
 */
export async function writePath(
  dependencies: ExecDependencies,
  { pod, container }: ContainerAddress,
  folder: string,
  tar: Readable,
  signal: AbortSignal,
): Promise<void> {
  const title = `"${folder}" could not be written to`
  let broken: Error | undefined
  // Whoever breaks the stream before it is read is heard, too.
  const onBroken = (error: Error) => {
    broken = error
  }
  tar.on('error', onBroken)
  let process: PodProcess | undefined
  const end = () => process?.destroy()
  signal.addEventListener('abort', end, { once: true })
  try {
    const command = ['/bin/sh', '-c', writeScript, 'berth', posix.resolve('/', folder)]
    process = await startExec(dependencies, pod, container, { command }, signal)
    process.stdout.resume()
    const complaint = collectComplaint(process)
    const sent = send(tar, process).catch((error: Error) => {
      broken ??= error
      process?.destroy()
    })
    const { code, problem: lost } = await process.exit
    if (signal.aborted) throw cancelled()
    if (broken) throw brokenSource(broken, title)
    if (lost) throw new ProblemError(lost)
    const said = await complaint
    if (code !== 0 && !onlyOwnership(said)) throw new ProblemError(failureOf(code ?? -1, said, folder, title))
    tar.destroy()
    await sent
  } catch (error) {
    tar.destroy()
    process?.destroy()
    throw error
  } finally {
    signal.removeEventListener('abort', end)
  }
}

async function send(tar: Readable, { stdin, exit, canEndInput }: PodProcess): Promise<void> {
  let over = false
  void exit.then(() => {
    over = true
    // A source that waits for being read has no reason to any more.
    tar.destroy()
  })
  const write = async (chunk: Buffer | string) => {
    if (stdin.destroyed || stdin.write(chunk)) return
    await drainedOrClosed(stdin)
  }
  await write(canEndInput ? 'whole\n' : 'pieces\n')
  try {
    for await (const chunk of tar) {
      if (canEndInput) {
        await write(chunk as Buffer)
        continue
      }
      for (let at = 0; at < (chunk as Buffer).length; at += PIECE) {
        const piece = (chunk as Buffer).subarray(at, at + PIECE)
        await write(`${piece.length}\n`)
        await write(piece)
      }
    }
  } catch (error) {
    if (over) return
    throw error
  }
  if (!canEndInput) await write('0\n')
  stdin.end()
}

/** Leaves no listener behind: it is waited for once for each piece of what may be long. */
function drainedOrClosed(stream: Writable): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      stream.off('drain', done)
      stream.off('close', done)
      resolve()
    }
    stream.once('drain', done)
    stream.once('close', done)
  })
}

/** The first byte of a stream, taken from it; undefined where it ends without one. */
async function firstByte(stream: Readable): Promise<number | undefined> {
  for (;;) {
    const byte = stream.read(1) as Buffer | null
    if (byte) return byte[0]
    if (stream.readableEnded || stream.destroyed) return undefined
    await new Promise<void>((resolve) => {
      for (const event of ['readable', 'end', 'close']) stream.once(event, () => resolve())
    })
  }
}

async function collectComplaint(process: ExecProcess): Promise<string> {
  let text = ''
  try {
    for await (const chunk of process.stderr ?? []) {
      if (text.length < LONGEST_COMPLAINT) text += (chunk as Buffer).toString('utf8')
    }
  } catch {
    // Given up: what it had said is enough.
  }
  return text.trim()
}

const OWNERSHIP =
  /(cannot|can't) (change (ownership|mode)|utime|chown|chmod|set)|^(chown|chmod|utime)|(lchown|chown|chmod|utimes?)\b/i

/** Whether all that tar could not do is to give files what its user may not give. */
function onlyOwnership(complaint: string): boolean {
  const lines = complaint
    .split('\n')
    .filter((line) => !/exiting with failure status|error exit delayed/i.test(line))
  return (
    lines.length > 0 && lines.every((line) => /operation not permitted/i.test(line) && OWNERSHIP.test(line))
  )
}

function brokenSource(error: Error, title: string): ProblemError {
  if (error instanceof ProblemError) return error
  return problem(
    {
      code: 'connection-lost',
      title,
      cause: 'What was being sent broke off before its end.',
      remedy: 'Try again.',
      detail: error.message,
    },
    error,
  )
}

function failureOf(code: number, complaint: string, path: string, title: string): Problem {
  const shown = posix.normalize(path)
  const detail = complaint || `tar ended with code ${code}`
  if (code === MISSING) {
    return {
      code: 'file-not-found',
      title,
      cause: `There is no "${shown}" in the workspace.`,
      remedy: 'Check how the path is spelt.',
    }
  }
  if (code === NOT_FOLDER) {
    return {
      code: 'file-not-found',
      title,
      cause: `"${shown}" is not a folder.`,
      remedy: 'Check that each part of the path is a folder.',
    }
  }
  if (code === NO_TAR || code === 126 || code === 127) {
    return {
      code: 'unsupported',
      title,
      cause: `The image has no ${code === NO_TAR ? 'tar' : 'shell'}, by which files get in and out of a workspace on a cluster.`,
      remedy: 'Add tar to the image (busybox has one), and rebuild.',
      ...(complaint && { detail: complaint }),
    }
  }
  if (/no space left on device|disk quota exceeded/i.test(complaint)) {
    return {
      code: 'disk-full',
      title,
      cause: "The workspace's disk is full.",
      remedy: 'Free some space in the workspace, or give it a larger volume.',
      detail,
    }
  }
  if (/read-only file system/i.test(complaint)) {
    return {
      code: 'permission-denied',
      title,
      cause: 'It is mounted read-only.',
      remedy: 'Write somewhere else, or change the mount in the definition and rebuild.',
      detail,
    }
  }
  if (/permission denied|operation not permitted/i.test(complaint)) {
    return {
      code: 'permission-denied',
      title,
      cause: "The workspace's user may not do that there.",
      remedy: 'Choose a path that belongs to the user, or change who may use it.',
      detail,
    }
  }
  return {
    code: 'exec-failed',
    title,
    cause: `tar ended with code ${code}.`,
    remedy: 'See the detail for what it said.',
    detail,
  }
}
