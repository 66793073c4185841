import { type ComponentType, createElement, type ReactNode, useLayoutEffect, useState } from 'react'

/** A part of the window whose code comes when it is needed. */
export interface Part<P extends object> {
  readonly View: ComponentType<P>
  /** Fetches its code, so that it is there when the part is drawn. Rejects where it cannot be loaded. */
  readonly fetch: () => Promise<unknown>
}

interface Coming<P> {
  readonly drawn?: ComponentType<P>
  readonly error?: unknown
}

/**
 * Drawn at once where its code is there already, and else as soon as that comes, with `instead` until then. Not with
 * `lazy` and `Suspense`: React shows nothing that was waited for until 0.3 s after it has last shown such a substitute,
 * however soon the code was there. Code that cannot be loaded is an error of the part, and is asked for anew when the
 * part is drawn again.
 */
export function part<M, P extends object>(
  load: () => Promise<M>,
  pick: (module: M) => ComponentType<P>,
  instead: ReactNode = null,
): Part<P> {
  let there: ComponentType<P> | undefined
  const fetch = async () => {
    there ??= pick(await load())
    return there
  }
  // biome-ignore lint/correctness/noComponentHookFactories: made once per part, when its module is loaded
  function View(props: P) {
    const [{ drawn, error }, setComing] = useState<Coming<P>>(() => (there ? { drawn: there } : {}))
    useLayoutEffect(() => {
      if (drawn) return
      let wanted = true
      fetch().then(
        (come) => wanted && setComing({ drawn: come }),
        (reason: unknown) => wanted && setComing({ error: reason ?? new Error('Its code did not come') }),
      )
      return () => {
        wanted = false
      }
    }, [drawn])
    if (error !== undefined) throw error
    return drawn ? createElement(drawn, props) : instead
  }
  return { View, fetch }
}
