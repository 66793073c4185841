import type { ScreenMirror, Snapshot } from './mirror'

/** What may have been printed since, in bytes; with more, reading it again is no faster than writing the screen anew. */
const LITTLE = 65_536
/** A screen of more bytes than this is not worth its memory. */
const LARGEST = 8_000_000

interface Size {
  readonly columns: number
  readonly rows: number
}

/** A terminal of a size, as escape sequences for a fresh one of that size. */
export interface Screen extends Size {
  readonly data: Uint8Array<ArrayBuffer>
}

/** All of it in one; it may end within a sequence whose rest is still to come. */
function screenOf({ columns, data, rows, tail }: Snapshot): Screen {
  const text = new TextEncoder().encode(data)
  if (tail.length === 0) return { data: text, columns, rows }
  const whole = new Uint8Array(text.length + tail.length)
  whole.set(text)
  whole.set(tail, text.length)
  return { data: whole, columns, rows }
}

interface Moment {
  /** Absent until the mirror has read all that came before it. */
  screen?: Screen
  /** The size since then, where it is another. */
  size?: Size
  /** Of these the first `bytes` were printed since. */
  printed: Uint8Array
  bytes: number
}

/**
 * The screen of a moment, and what was printed since. As long as that is little, a window can begin with it at once:
 * nobody need wait until the mirror has read it, or has written it again. It has to be told all that the mirror is.
 */
export class RecentScreen {
  readonly #mirror: Pick<ScreenMirror, 'snapshot' | 'whenParsed'>
  #moment: Moment | undefined

  constructor(mirror: Pick<ScreenMirror, 'snapshot' | 'whenParsed'>) {
    this.#mirror = mirror
  }

  /** Calls back with the mirror's screen once it has read all that it was given, and remembers that one. */
  take(taken: (screen: Screen) => void): void {
    const moment: Moment = { printed: new Uint8Array(0), bytes: 0 }
    this.#moment = moment
    this.#mirror.whenParsed(() => {
      const screen = screenOf(this.#mirror.snapshot())
      if (screen.data.length <= LARGEST) moment.screen = screen
      taken(screen)
    })
  }

  /** The mirror is given this one, in this size. */
  found(screen: Screen, size: Size): void {
    this.#moment = { screen, size, printed: new Uint8Array(0), bytes: 0 }
  }

  /** These bytes go to the mirror. */
  add(chunk: Uint8Array): void {
    const moment = this.#moment
    if (!moment) return
    const length = moment.bytes + chunk.length
    if (length > LITTLE) {
      this.forget()
      return
    }
    if (length > moment.printed.length) {
      const larger = new Uint8Array(Math.min(Math.max(2 * moment.printed.length, length, 1024), LITTLE))
      larger.set(moment.printed)
      moment.printed = larger
    }
    moment.printed.set(chunk, moment.bytes)
    moment.bytes = length
  }

  /** The mirror gets another size. What was printed before that could not be told from what comes after. */
  resized(size: Size): void {
    if (this.#moment?.bytes === 0) this.#moment.size = size
    else this.forget()
  }

  forget(): void {
    this.#moment = undefined
  }

  /** The screen, and what is shown after it in the size of now; undefined where none is remembered. */
  get screens(): readonly [Screen, Screen] | undefined {
    const moment = this.#moment
    if (!moment?.screen) return undefined
    const { columns, rows } = moment.size ?? moment.screen
    return [moment.screen, { data: moment.printed.slice(0, moment.bytes), columns, rows }]
  }
}
