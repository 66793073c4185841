import { ProblemError } from '#contract'
import type { FileSession, Link } from '../link/link'
import type { Clock } from '../platform/clock'
import type { CopyReport } from './report'

/** How often something is begun anew that breaks the connection before it has come any further. */
const ATTEMPTS = 5
/** Milliseconds before it is begun anew. */
const REST = 500

export interface Connected {
  readonly link: Link
  readonly clock: Clock
  /** Milliseconds that a lost connection is waited for; `Infinity`: for ever, and also for a workspace that is started. */
  readonly patience: number
}

/**
 * Does `work` with a session. Where the connection is lost meanwhile, waits for another and does it again: `work` goes on
 * where it was. Rejects with a `ProblemError`.
 */
export async function whileConnected<T>(
  { link, clock, patience }: Connected,
  report: CopyReport,
  signal: AbortSignal,
  work: (session: FileSession) => Promise<T>,
): Promise<T> {
  let session = await link.files.open(signal)
  for (let idle = 1; ; idle += 1) {
    const before = report.bytes
    try {
      const result = await work(session)
      session.close()
      return result
    } catch (error) {
      session.close()
      const isLost = error instanceof ProblemError && isConnectionLost(error)
      if (report.bytes !== before) idle = 1
      if (!isLost || signal.aborted || idle >= ATTEMPTS) throw error
    }
    report.waiting(true)
    try {
      await clock.sleep(REST, signal)
      session = await link.files.open(signal, patience)
    } finally {
      report.waiting(false)
    }
  }
}

/** Whether something failed that has nothing to do with the files. */
function isConnectionLost({ problem }: ProblemError): boolean {
  return problem.code === 'connection-lost' || problem.code === 'target-unreachable'
}
