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
  const links = new Map<AbortSignal, () => void>()
  for (const signal of signals) {
    if (!signal) continue
    const abort = () => controller.abort(signal.reason)
    if (signal.aborted) abort()
    // One that many link to at once has that many listeners: no leak, they go with each that is unlinked.
    setMaxListeners(0, signal)
    signal.addEventListener('abort', abort)
    links.set(signal, abort)
  }
  const unlink = () => {
    for (const [signal, abort] of links) signal.removeEventListener('abort', abort)
  }
  return { signal: controller.signal, unlink }
}
