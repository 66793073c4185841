import { useEffect } from 'react'

/** The latest element outside of everything that lies over the page to have the keyboard. */
let latest: HTMLElement | undefined

if (typeof document !== 'undefined') {
  document.addEventListener('focusin', ({ target }) => {
    if (target instanceof HTMLElement && !target.closest('[role="dialog"], [role="menu"]')) latest = target
  })
}

/**
 * Gives the keyboard back, when the caller goes, to whoever had it before: also when it came out of a menu that is
 * gone by then. Whoever has taken it meanwhile keeps it.
 */
export function useFocusReturn(): void {
  useEffect(() => {
    const before = latest
    return () => {
      // Once the elements of the caller are gone.
      requestAnimationFrame(() => {
        const { activeElement } = document
        if (before?.isConnected && (!activeElement || activeElement === document.body)) before.focus()
      })
    }
  }, [])
}
