import type { LinkActivity } from '../link/link'
import type { Clock } from '../platform/clock'

/** What comes so soon after something was typed is its echo, or the prompt; milliseconds. */
const ECHO = 3_000
/** What comes so soon after a picture belongs to it; milliseconds. */
const ONE_PICTURE = 1_000
/** Longest sequence whose beginning is kept until its end comes. */
const LONGEST = 32
const ESCAPE = '\u001b'

/** Places the cursor (CUP, HVP, VPA of ECMA-48): what paints a picture does, and what prints lines does not. */
const PLACES = new RegExp(`${ESCAPE}\\[[\\d;]*[Hfd]`)
/** Enters or leaves the alternate screen. */
const SCREENS = new RegExp(`${ESCAPE}\\[\\?(?:1049|1047|47)([hl])`, 'g')

/**
 * What counts as activity in a terminal that the workspace does not see into: what is typed, and what a job prints; but
 * not the pictures of top, of a clock or of an editor, which change without anybody's doing. The agent does the same
 * (agent/PROTOCOL.md, "Channel `activity@berth.dev`").
 */
export class JobActivity {
  readonly #activity: LinkActivity
  readonly #clock: Clock
  readonly #title: () => string
  #typedAt = Number.NEGATIVE_INFINITY
  #resizedAt = Number.NEGATIVE_INFINITY
  #paintedAt = Number.NEGATIVE_INFINITY
  #isAlternate = false
  #rest = ''

  constructor(activity: LinkActivity, clock: Clock, title: () => string) {
    this.#activity = activity
    this.#clock = clock
    this.#title = title
  }

  typed(): void {
    this.#typedAt = this.#clock.now()
    this.#activity.mark('input', this.#title())
  }

  /** What comes now was drawn anew for the other size, also by a shell at its prompt. */
  resized(): void {
    this.#resizedAt = this.#clock.now()
  }

  printed(chunk: Uint8Array): void {
    const now = this.#clock.now()
    if (this.#rest !== '' || chunk.includes(0x1b))
      this.#scan(this.#rest + Buffer.from(chunk).toString('latin1'), now)
    if (this.#isAlternate || now - this.#paintedAt < ONE_PICTURE) return
    if (now - Math.max(this.#typedAt, this.#resizedAt) < ECHO) return
    this.#activity.mark('output', this.#title())
  }

  #scan(text: string, now: number): void {
    const last = text.lastIndexOf(ESCAPE)
    const isOpen =
      last >= 0 && last > text.length - LONGEST && !/^.\[?[\d;?]*[@-Z\\-~]/s.test(text.slice(last))
    this.#rest = isOpen ? text.slice(last) : ''
    for (const [, way] of text.matchAll(SCREENS)) {
      this.#isAlternate = way === 'h'
      this.#paintedAt = now
    }
    if (PLACES.test(text)) this.#paintedAt = now
  }
}
