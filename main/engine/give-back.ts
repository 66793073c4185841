import { performance } from 'node:perf_hooks'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

/** Milliseconds between two looks. */
const LOOK_EVERY = 4_000
/** With less of its time at work than this the process is idle. */
const IDLE = 0.02
/** Worth a collection: so much of the heap holds nothing, bytes. */
const WORTH = 3_000_000

/**
 * Gives memory back to the system when a burst of work is over. V8 keeps what a burst has made it take for as long as
 * nothing else happens, and an engine mostly waits.
 */
export function giveMemoryBack(): void {
  const bursts = new Bursts()
  let before = performance.eventLoopUtilization()
  const timer = setInterval(() => {
    const now = performance.eventLoopUtilization()
    const { utilization } = performance.eventLoopUtilization(now, before)
    before = now
    const { heapTotal, heapUsed } = process.memoryUsage()
    if (bursts.over(utilization, heapTotal - heapUsed)) collect()
  }, LOOK_EVERY)
  timer.unref()
}

/** Tells when a burst is over: once each, and only where that is worth anything. */
export class Bursts {
  #told = false

  /**
   * @param utilization share of the time since the last call that was spent at work, 0 to 1
   * @param unused bytes of the heap that hold nothing
   */
  over(utilization: number, unused: number): boolean {
    const idle = utilization <= IDLE
    const now = idle && !this.#told && unused >= WORTH
    this.#told = idle && (this.#told || now)
    return now
  }
}

function collect(): void {
  // There is no other way to ask for it; the function is seen nowhere else.
  setFlagsFromString('--expose-gc')
  const gc = runInNewContext('gc') as (options: { type: string; flavor: string }) => void
  setFlagsFromString('--no-expose-gc')
  gc({ type: 'major', flavor: 'last-resort' })
}
