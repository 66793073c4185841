/** Milliseconds in which several wishes for a size become one. A window that is dragged wishes at every frame. */
const SETTLE = 40
/** Sizes that may be on their way to the process and back. */
const UNHEARD = 64

export interface SizeControlOptions {
  readonly columns: number
  readonly rows: number
  /** The size that the session has from now on; called before the process is told. */
  readonly apply: (columns: number, rows: number) => void
}

/**
 * The size of a session: that of the latest wish. The process is told of one size at a time and of the last one
 * always, so that a slow answer never leaves it with an old size.
 */
export class SizeControl {
  readonly #apply: SizeControlOptions['apply']
  #columns: number
  #rows: number
  #told: string
  #tell: ((columns: number, rows: number) => Promise<void>) | undefined
  #telling = false
  #wish: readonly [number, number] | undefined
  #timer: NodeJS.Timeout | undefined
  #stopped = false
  /** What the process was told, and was not heard to have yet. */
  #unheard: string[] = []

  constructor({ columns, rows, apply }: SizeControlOptions) {
    this.#columns = columns
    this.#rows = rows
    this.#apply = apply
    this.#told = `${columns}x${rows}`
  }

  /** @param now without waiting for further wishes */
  request(columns: number, rows: number, now: boolean): void {
    if (this.#stopped || columns < 1 || rows < 1) return
    this.#wish = [columns, rows]
    if (now) this.#settle()
    else this.#timer ??= setTimeout(() => this.#settle(), SETTLE)
  }

  /** The process is there, with the first size. */
  started(tell: (columns: number, rows: number) => Promise<void>): void {
    this.#tell = tell
    this.#unheard = []
    void this.#tellProcess()
  }

  /** The process has this size: it was told so here, or by somebody else, whose wish then counts. */
  heard(columns: number, rows: number): void {
    const size = `${columns}x${rows}`
    const own = this.#unheard.indexOf(size)
    this.#unheard = own < 0 ? [] : this.#unheard.slice(own + 1)
    if (own >= 0 || this.#stopped) return
    this.#told = size
    if (columns === this.#columns && rows === this.#rows) return
    this.#columns = columns
    this.#rows = rows
    this.#apply(columns, rows)
  }

  stop(): void {
    this.#stopped = true
    clearTimeout(this.#timer)
  }

  #settle(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    const wish = this.#wish
    this.#wish = undefined
    if (!wish || this.#stopped) return
    const [columns, rows] = wish
    if (columns === this.#columns && rows === this.#rows) return
    this.#columns = columns
    this.#rows = rows
    this.#apply(columns, rows)
    void this.#tellProcess()
  }

  async #tellProcess(): Promise<void> {
    if (this.#telling || !this.#tell) return
    this.#telling = true
    while (!this.#stopped && this.#told !== `${this.#columns}x${this.#rows}`) {
      const [columns, rows] = [this.#columns, this.#rows]
      this.#told = `${columns}x${rows}`
      this.#unheard = [...this.#unheard, this.#told].slice(-UNHEARD)
      try {
        await this.#tell(columns, rows)
      } catch {
        // The process ended or the connection went: the session's end tells that, a lost size matters no more.
        break
      }
    }
    this.#telling = false
  }
}
