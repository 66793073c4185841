import { spawn } from 'node:child_process'

/** @type {Set<import('node:child_process').ChildProcess>} */
const running = new Set()

/**
 * Runs a program with our own input and output, in a process group of its own, so that all it started ends with it.
 * @param {string} command
 * @param {readonly string[]} args
 * @param {{ cwd?: string, env?: NodeJS.ProcessEnv, timeout?: number }} [options] `timeout` in milliseconds
 * @returns {Promise<number>} its exit code; 124 if it took too long, 1 if a signal ended it
 */
export function attend(command, args, { timeout, ...options } = {}) {
  return new Promise((resolve) => {
    const child = spawn(command, args, {
      ...options,
      stdio: ['ignore', 'inherit', 'inherit'],
      detached: true,
    })
    running.add(child)
    let late = false
    const timer = timeout
      ? setTimeout(() => {
          late = true
          endGroup(child, 'SIGKILL')
        }, timeout)
      : undefined
    const finish = (/** @type {number | null} */ code) => {
      clearTimeout(timer)
      running.delete(child)
      resolve(late ? 124 : (code ?? 1))
    }
    child.once('error', (error) => {
      process.stderr.write(`${command}: ${error.message}\n`)
      finish(1)
    })
    child.once('exit', finish)
  })
}

/** Asks all that runs to end; what does not within ten seconds is killed. */
export async function endAll() {
  for (const child of running) endGroup(child, 'SIGTERM')
  const deadline = Date.now() + 10_000
  while (running.size > 0 && Date.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 50))
  for (const child of running) endGroup(child, 'SIGKILL')
}

/** @param {import('node:child_process').ChildProcess} child @param {NodeJS.Signals} signal */
function endGroup(child, signal) {
  if (child.pid === undefined) return
  try {
    process.kill(-child.pid, signal)
  } catch (error) {
    // Gone already.
    if (/** @type {NodeJS.ErrnoException} */ (error).code !== 'ESRCH') throw error
  }
}
