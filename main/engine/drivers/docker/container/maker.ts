import { hostname } from 'node:os'
import { type ProblemError, problem } from '#contract'
import { isAlive, type ProcessIdentity, thisProcess } from '../../../platform/process-identity'
import { labels } from './anatomy'
import type { Located } from './locate'

/**
 * Which process makes a container, in a label of it: whoever sees an uncommitted one can tell whether that process
 * still is at it. It says so to every Berth process of this machine, also to those of other users and homes, which
 * do not see each other's lock files. Of processes on other machines, and in containers, nothing is known.
 */
export function thisMaker(): string {
  const { pid, start } = thisProcess()
  return `${pid}:${start}:${hostname()}`
}

/** The pid of another process of this machine that is making what is uncommitted of a workspace just now. */
function otherMaker(located: readonly Located[]): number | undefined {
  for (const { phase, summary } of located) {
    const maker = summary.Labels?.[labels.maker]
    if (phase !== 'uncommitted' || maker === undefined || maker === thisMaker()) continue
    const process = processHere(maker)
    if (process && isAlive(process)) return process.pid
  }
  return undefined
}

/** Whether what has that label was made by a process of this machine that is no more. */
export function makerIsGone(maker: string | undefined): boolean {
  const process = maker === undefined ? undefined : processHere(maker)
  return process !== undefined && !isAlive(process)
}

function processHere(maker: string): ProcessIdentity | undefined {
  const [, pid = '', start = '', host = ''] = /^(\d+):(\d*):(.*)$/.exec(maker) ?? []
  return host === hostname() && pid !== '' ? { pid: Number(pid), start } : undefined
}

/** Throws `busy` where another process of this machine is making the workspace, or making it anew. */
export function refuseWhileMade(located: readonly Located[]): void {
  const pid = otherMaker(located)
  if (pid !== undefined) throw madeElsewhere(`Another Berth process of this machine (${pid})`)
}

export function madeElsewhere(who: string): ProblemError {
  return problem({
    code: 'busy',
    title: 'The workspace is busy',
    cause: `${who} is making its container.`,
    remedy: 'Wait until that is done, or cancel it there.',
  })
}
