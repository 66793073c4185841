/**
 * What the set-up tells the person at the keyboard. Always on stderr: stdout belongs to what is started.
 */

const started = performance.now()

/** @param {string} text */
export function say(text) {
  process.stderr.write(`berth: ${text}\n`)
}

/**
 * Announces work that takes time, and how long it took.
 * @template T
 * @param {string} what
 * @param {() => Promise<T>} work
 * @returns {Promise<T>}
 */
export async function step(what, work) {
  const from = performance.now()
  say(`${what} …`)
  const result = await work()
  say(`${what}: done in ${((performance.now() - from) / 1000).toFixed(1)} s`)
  return result
}

/** Milliseconds since the set-up began. */
export const elapsed = () => performance.now() - started
