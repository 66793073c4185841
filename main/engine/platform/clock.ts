/** Time, so that tests can hold it still. */
export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number
  /** Resolves after `milliseconds`, or rejects with the signal's reason. */
  sleep(milliseconds: number, signal?: AbortSignal): Promise<void>
}

/** Given as the reason of an end that nobody asks for: without one, each abort makes an error with a stack. */
const OVER = 'over'

/** Calls `action` after so many milliseconds, unless what this returns is called before. */
export function after(clock: Clock, milliseconds: number, action: () => void): () => void {
  const over = new AbortController()
  clock.sleep(milliseconds, over.signal).then(action, () => undefined)
  return () => over.abort(OVER)
}

export const systemClock: Clock = {
  now: Date.now,
  sleep: (milliseconds, signal) =>
    new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason)
      const onAbort = () => {
        clearTimeout(timer)
        reject(signal?.reason)
      }
      const timer = setTimeout(() => {
        signal?.removeEventListener('abort', onAbort)
        resolve()
      }, milliseconds)
      signal?.addEventListener('abort', onAbort, { once: true })
    }),
}
