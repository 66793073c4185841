/** Resolves at the first Ctrl-C: the way in which a command that serves is meant to end. */
export function untilInterrupted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve()
    // Waiting for a signal alone does not keep a process alive.
    const alive = setInterval(() => undefined, 1 << 30)
    signal.addEventListener(
      'abort',
      () => {
        clearInterval(alive)
        resolve()
      },
      { once: true },
    )
  })
}
