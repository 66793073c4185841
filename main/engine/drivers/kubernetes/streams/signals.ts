import { setMaxListeners } from 'node:events'

/**
 * A signal that aborts with the first of several. Unlike AbortSignal.any it leaves nothing behind in a signal that
 * lives long, once it is unlinked.
 */
export function linkSignals(...signals: readonly (AbortSignal | undefined)[]): {
  readonly signal: AbortSignal
  unlink(): void
} {
  const controller = new AbortController()
  const links = new AbortController()
  for (const signal of signals) {
    if (signal?.aborted) controller.abort(signal.reason)
    if (!signal) continue
    // One that many link to at once has that many listeners: no leak, they go with each that is unlinked.
    setMaxListeners(0, signal)
    signal.addEventListener('abort', () => controller.abort(signal.reason), { signal: links.signal })
  }
  return { signal: controller.signal, unlink: () => links.abort() }
}
