import type { Terminal } from '@xterm/xterm'

/** Milliseconds between two drawings of a flood: nobody reads it, and drawing takes the time that parsing needs. */
const FLOOD_FRAME = 64

interface Debouncer {
  _animationFrame: number | undefined
  _innerRefresh(): void
}

interface Internals {
  readonly _core: { readonly _renderService?: { readonly _renderDebouncer?: Debouncer } }
}

/**
 * Makes an opened terminal of xterm.js 6.0.0 draw less often while `isFlood` says so, and at the next frame when it
 * does not any more. What is drawn is always the newest. Does nothing where a later version has no such parts.
 */
export function drawFloodsSeldom(terminal: Terminal, isFlood: (now: number) => boolean): void {
  const debouncer = (terminal as unknown as Internals)._core._renderService?._renderDebouncer
  if (typeof debouncer?._innerRefresh !== 'function') return
  const draw = debouncer._innerRefresh.bind(debouncer)
  let drawn = Number.NEGATIVE_INFINITY
  debouncer._innerRefresh = () => {
    const now = performance.now()
    if (now - drawn < FLOOD_FRAME && isFlood(now)) {
      debouncer._animationFrame = requestAnimationFrame(() => debouncer._innerRefresh())
      return
    }
    drawn = now
    draw()
  }
}
