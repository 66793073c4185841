/**
 * How long an action waits for its target to tell of what it did, milliseconds: it has long happened by then, and on a
 * busy machine word of it takes a while. Of one that cannot be reached no word comes.
 */
const TELLING = { longest: 15_000, away: 3_000 }

export interface Telling {
  readonly isTold: () => boolean
  /** Whether the target cannot be reached. */
  readonly isAway: () => boolean
  /** Calls back when either may have changed, until the function that it gives is called. */
  readonly watch: (look: () => void) => () => void
}

/** Resolves when it is told, or when that is not to be waited for any longer. */
export function untilTold({ isTold, isAway, watch }: Telling): Promise<void> {
  return new Promise((resolve) => {
    let isLate = false
    const look = () => {
      if (isTold() || (isLate && isAway())) finish()
    }
    const finish = () => {
      clearTimeout(late)
      clearTimeout(over)
      unwatch()
      resolve()
    }
    const late = setTimeout(() => {
      isLate = true
      look()
    }, TELLING.away)
    const over = setTimeout(finish, TELLING.longest)
    const unwatch = watch(look)
    look()
  })
}
