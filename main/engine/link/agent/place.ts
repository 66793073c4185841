import { posix } from 'node:path'
import type { Readable } from 'node:stream'
import { pack } from 'tar-stream'
import { type Problem, ProblemError, type Workspace } from '#contract'
import type { Driver, ExecProcess } from '../../drivers/driver'
import { processUser } from '../process-user'
import type { AgentBinary, Architecture } from './binaries'

/** The agents that Berth has with it. */
export interface AgentBinaries {
  /** Digest, in hexadecimal, and revision; undefined where there is none for it. */
  facts(
    architecture: Architecture,
  ): Promise<{ readonly sha256: string; readonly revision: number } | undefined>
  /** Rejects where what is there is broken. */
  read(architecture: Architecture): Promise<AgentBinary>
}

/** As `uname -m` says it. */
const architectures: Readonly<Record<string, Architecture>> = {
  x86_64: 'amd64',
  amd64: 'amd64',
  aarch64: 'arm64',
  arm64: 'arm64',
}
const FOLDER = '.berth'
/** Milliseconds for a small program in the workspace to run. */
const PROGRAM_LIMIT = 20_000

/** Where an agent can be, the best first: home is kept over a rebuild. An image may have none of the usual folders. */
export function placesOf(workspace: Workspace): readonly string[] {
  const { home } = workspace.user
  const beside = posix.dirname(workspace.definition.workspaceFolder)
  return [
    ...new Set([...(home.startsWith('/') && home !== '/' ? [home] : []), '/tmp', '/var/tmp', '/', beside]),
  ]
}

/** Its path in one of the places. A name for each binary: one that runs is never written over. */
export const programIn = (place: string, sha256: string) =>
  posix.join(place, FOLDER, `berth-agent-${sha256.slice(0, 16)}`)

/** The workspace's architecture; undefined where there is no program to tell, or none that Berth has an agent for. */
export async function architectureOf(
  driver: Driver,
  workspace: Workspace,
  signal: AbortSignal,
): Promise<Architecture | undefined> {
  const { code, output } = await runProgram(driver, workspace, ['uname', '-m'], signal)
  return code === 0 ? architectures[output.trim()] : undefined
}

/** Writes the agent into a place. Rejects with a `ProblemError` where that cannot be written to. */
export async function putInPlace(
  driver: Driver,
  workspace: Workspace,
  place: string,
  { bytes, sha256 }: AgentBinary,
  signal: AbortSignal,
): Promise<void> {
  const { gid, uid } = workspace.user
  const owner = { uid, gid, mtime: new Date(0) }
  const archive = pack()
  archive.entry({ name: `${FOLDER}/`, type: 'directory', mode: 0o700, ...owner })
  archive.entry(
    { name: posix.join(FOLDER, posix.basename(programIn(place, sha256))), mode: 0o755, ...owner },
    bytes,
  )
  archive.finalize()
  await driver.write(workspace.id, place, archive as unknown as Readable, signal)
}

/** Whether a program runs at a path and says that it is an agent: its place may allow no programs. */
export async function isRunnable(
  driver: Driver,
  workspace: Workspace,
  program: string,
  signal: AbortSignal,
): Promise<boolean> {
  const { code, output } = await runProgram(driver, workspace, [program, 'version'], signal)
  return code === 0 && output.includes('"revision"')
}

/** Rejects where it cannot be known how it ended. */
async function runProgram(
  driver: Driver,
  workspace: Workspace,
  command: readonly string[],
  signal: AbortSignal,
): Promise<{ readonly code: number | null; readonly output: string }> {
  const limit = AbortSignal.any([signal, AbortSignal.timeout(PROGRAM_LIMIT)])
  let running: ExecProcess | undefined
  const onAbort = () => running?.destroy()
  limit.addEventListener('abort', onAbort, { once: true })
  try {
    running = await driver.exec(workspace.id, { command, user: userOf(workspace) }, limit)
    running.stdin.on('error', () => undefined)
    running.stdin.end()
    running.stderr?.on('error', () => undefined).resume()
    let output = ''
    for await (const chunk of running.stdout) output = (output + chunk).slice(0, 4_096)
    const { code, problem } = await running.exit
    // How it ended is not known: that says nothing of the program.
    if (problem && isOfTheWay(problem)) throw new ProblemError(problem)
    return { code, output }
  } catch (error) {
    signal.throwIfAborted()
    // There is no such program.
    if (error instanceof ProblemError && isAnswer(error.problem)) return { code: 127, output: '' }
    throw error
  } finally {
    limit.removeEventListener('abort', onAbort)
  }
}

/** Whether a problem is of the command, and not of the way to it. */
export const isAnswer = ({ code }: Problem) =>
  code === 'exec-failed' || code === 'command-not-found' || code === 'no-shell' || code === 'user-not-found'

/** Whether a problem is of the way to the workspace, so that it may be gone with the next attempt. */
export const isOfTheWay = ({ code }: Problem) =>
  /^(target|tls|ssh|workspace)-/.test(code) || code === 'connection-lost' || code === 'cancelled'

/** As the driver wants it: an image without a shell may have no list of users in which the name could be looked up. */
export const userOf = ({ user }: Workspace) => processUser(user)
