import { readdir } from 'node:fs/promises'
import { setPriority } from 'node:os'
import { processesIn } from '../../harness/kubernetes/machine'
import type { BenchCluster } from './cluster'

/** Niceness (setpriority(2)). */
const YIELDING = 10
const USUAL = 0

/**
 * Lets the cluster have the processor only as far as nothing else on this machine wants it, as if it were on another
 * one: for rows that measure how smoothly the window works, and not how fast the cluster answers. Resolves with what
 * undoes that; where the cluster is somebody else's it changes nothing.
 */
export async function yielding({ own }: BenchCluster): Promise<() => Promise<void>> {
  if (!own) return async () => undefined
  const { folder } = own
  await prioritise(folder, YIELDING)
  return () => prioritise(folder, USUAL)
}

/** Each thread by itself: there is no priority of a process, and a new thread has that of the one that made it. */
async function prioritise(folder: string, niceness: number): Promise<void> {
  for (const pid of await processesIn(folder)) {
    // It may have ended since.
    for (const thread of await readdir(`/proc/${pid}/task`).catch(() => [])) {
      try {
        setPriority(Number(thread), niceness)
      } catch (error) {
        if ((error as NodeJS.ErrnoException & { info?: { code?: string } }).info?.code !== 'ESRCH')
          throw error
      }
    }
  }
}
