import { readdirSync, readFileSync } from 'node:fs'

/** The variable that all that a run of tests starts has in its environment, with the run's own value. */
export const mark = 'AGENT_TEST_RUN'

/**
 * What a run of tests has started and is still there, wherever it went: the agent's daemon leaves session and process
 * group of those who start it. Linux alone; elsewhere there is no agent to be left.
 * @param {string} run the value of the mark
 * @returns {{ pid: number, command: string }[]} each with its command line
 */
export function markedProcesses(run) {
  if (process.platform !== 'linux') return []
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .flatMap((pid) => {
      try {
        const environment = readFileSync(`/proc/${pid}/environ`, 'latin1').split('\0')
        if (!environment.includes(`${mark}=${run}`)) return []
        const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim()
        return [{ pid: Number(pid), command }]
      } catch {
        // Gone meanwhile, or of another user: not ours.
        return []
      }
    })
}

/** Ends what a run of tests has left. @param {string} run the value of the mark */
export function endMarked(run) {
  for (const { pid } of markedProcesses(run)) {
    try {
      process.kill(pid, 'SIGKILL')
    } catch (error) {
      // Gone meanwhile.
      if (/** @type {NodeJS.ErrnoException} */ (error).code !== 'ESRCH') throw error
    }
  }
}
