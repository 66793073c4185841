import { ProblemError, type Workspace } from '#contract'
import type { Driver, ExecProcess } from '../../drivers/driver'
import type { Clock } from '../../platform/clock'
import type { Carrier } from '../ssh/transport'
import { isAnswer, userOf } from './place'

/** Milliseconds from the start of the bridge to a connection that can be used. */
const CONNECT_LIMIT = 20_000
/** Milliseconds for the bridge to end by itself, so that its exit code is known. */
const END_LIMIT = 1_000
/** Exit codes of what is not there, or no program (POSIX, "Exit Status for Commands"). */
const NO_PROGRAM: readonly (number | null)[] = [126, 127]

/** A connection, of whatever kind, as it is waited for. */
export interface Connecting {
  readonly ready: Promise<void>
  close(): void
}

/**
 * Connects to the workspace's agent, which starts where it does not run. Undefined where there is no such program.
 * Rejects where it did not come to a connection for any other reason.
 */
export async function bridge<Connection extends Connecting>(
  driver: Driver,
  workspace: Workspace,
  program: string,
  connect: (carrier: Carrier) => Connection,
  clock: Clock,
  signal: AbortSignal,
): Promise<Connection | undefined> {
  const process = await start(driver, workspace, program, signal)
  if (!process) return undefined
  let complaint = ''
  process.stderr?.on('error', () => undefined)
  process.stderr?.on('data', (chunk: Buffer) => {
    complaint = `${complaint}${chunk.toString('utf8')}`.slice(-2_000)
  })
  const end = () => {
    process.stdin.end()
    void Promise.race([process.exit, clock.sleep(END_LIMIT)]).then(() => process.destroy())
  }
  const connection = connect({ input: process.stdin, output: process.stdout, destroy: end })
  const giveUp = () => connection.close()
  const limit = AbortSignal.any([signal, AbortSignal.timeout(CONNECT_LIMIT)])
  limit.addEventListener('abort', giveUp, { once: true })
  try {
    await connection.ready
    return connection
  } catch (error) {
    signal.throwIfAborted()
    const { code, problem } = await process.exit
    if (NO_PROGRAM.includes(code)) return undefined
    if (problem && problem.code !== 'cancelled') throw new ProblemError(problem)
    throw new Error(complaint.trim() || (error instanceof Error ? error.message : String(error)))
  } finally {
    limit.removeEventListener('abort', giveUp)
  }
}

async function start(
  driver: Driver,
  workspace: Workspace,
  program: string,
  signal: AbortSignal,
): Promise<ExecProcess | undefined> {
  try {
    return await driver.exec(workspace.id, { command: [program, 'bridge'], user: userOf(workspace) }, signal)
  } catch (error) {
    if (error instanceof ProblemError && isAnswer(error.problem)) return undefined
    throw error
  }
}
