import type { Problem, SessionEnd, Workspace } from '#contract'
import type { ExecExit } from '../link/link'

/** Exit statuses by which shells and engines tell that a signal ended a process, where it is a deliberate one. */
const deliberateSignals: ReadonlyMap<number, string> = new Map([
  [129, 'SIGHUP'],
  [137, 'SIGKILL'],
  [143, 'SIGTERM'],
])

/** Whether the end may be the workspace's doing and no decision of the process. */
export function mayBeWorkspace(exit: ExecExit): boolean {
  return exit.code === null || deliberateSignals.has(exit.code)
}

/** @param name the shell's or program's name, as in a title */
export function endOfProcess(name: string, exit: ExecExit): SessionEnd {
  if (exit.code === null) {
    const problem: Problem = exit.problem ?? {
      code: 'connection-lost',
      title: 'The connection to the terminal was lost',
      cause: 'The engine closed it before the program ended.',
      remedy: 'Open a new terminal.',
    }
    return { reason: 'connection-lost', message: `${problem.title}.`, problem }
  }
  const signal = deliberateSignals.get(exit.code)
  if (signal !== undefined)
    return { reason: 'killed', exitCode: exit.code, message: `${name} was killed by ${signal}.` }
  const status = exit.code === 0 ? '' : ` with exit code ${exit.code}`
  return { reason: 'exited', exitCode: exit.code, message: `${name} ended${status}.` }
}

export function endOfStart(problem: Problem): SessionEnd {
  return { reason: 'failed', message: `${problem.title}.`, problem }
}

export function endByClosing(): SessionEnd {
  return { reason: 'closed', message: 'The terminal was closed.' }
}

/** @param now the workspace as it is, or undefined when it is gone */
export function endOfWorkspace(now: Workspace | undefined, exit?: ExecExit): SessionEnd {
  const status = exit?.code === null || exit === undefined ? {} : { exitCode: exit.code }
  return { reason: 'workspace-stopped', ...status, message: messageOf(now) }
}

function messageOf(now: Workspace | undefined): string {
  switch (now?.state) {
    case undefined:
    case 'deleting':
      return 'The workspace was deleted.'
    case 'running':
    case 'starting':
    case 'creating':
      return 'The workspace was restarted.'
    case 'failed':
      return 'The workspace failed.'
    default:
      return 'The workspace stopped.'
  }
}
