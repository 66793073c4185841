import { hostname } from 'node:os'
import { type ProblemError, problem } from '#contract'
import { isAlive, thisProcess } from '../../../platform/process-identity'
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
    const [, pid = '', start = '', host = ''] = /^(\d+):(\d*):(.*)$/.exec(maker) ?? []
    if (host === hostname() && pid !== '' && isAlive({ pid: Number(pid), start })) return Number(pid)
  }
  return undefined
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
