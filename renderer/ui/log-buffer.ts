/** Lines of one block; blocks are rendered, and dropped, as a whole. */
const BLOCK_LINES = 200
/** A line longer than this is cut into several, so that one endless line cannot stall the page. Characters. */
const LINE_LIMIT = 4000

export interface LogBlock {
  readonly id: number
  /** Grows until the block is full: a new array with each change. */
  readonly lines: readonly string[]
}

/**
 * Text as it came, cut into lines and capped: the oldest go first. A carriage return starts the line again, as
 * progress displays expect; escape sequences stay in and are read by whoever shows the line.
 */
export class LogBuffer {
  readonly #maxLines: number
  #blocks: LogBlock[] = []
  #last = ''
  #nextId = 0
  #count = 0
  #dropped = 0
  #afterReturn = false

  constructor(maxLines = 10_000) {
    this.#maxLines = maxLines
  }

  /** All blocks, the unfinished last line included. */
  get blocks(): readonly LogBlock[] {
    if (this.#last === '') return this.#blocks
    const newest = this.#blocks.at(-1)
    if (newest && newest.lines.length < BLOCK_LINES) {
      return [...this.#blocks.slice(0, -1), { id: newest.id, lines: [...newest.lines, this.#last] }]
    }
    return [...this.#blocks, { id: this.#nextId, lines: [this.#last] }]
  }

  /** Complete lines that are kept. */
  get count(): number {
    return this.#count
  }

  /** Lines that went because there were too many. */
  get dropped(): number {
    return this.#dropped
  }

  get isEmpty(): boolean {
    return this.#count === 0 && this.#last === ''
  }

  append(text: string): void {
    const finished: string[] = []
    let start = 0
    for (let index = 0; index < text.length; index++) {
      const code = text.charCodeAt(index)
      if (code !== 10 && code !== 13) continue
      this.#extend(text.slice(start, index), finished)
      start = index + 1
      if (code === 13) {
        this.#afterReturn = true
        continue
      }
      this.#afterReturn = false
      finished.push(this.#last)
      this.#last = ''
    }
    this.#extend(text.slice(start), finished)
    this.#push(finished)
  }

  clear(): void {
    this.#blocks = []
    this.#last = ''
    this.#count = 0
    this.#dropped = 0
    this.#afterReturn = false
  }

  #extend(piece: string, finished: string[]): void {
    if (piece === '') return
    this.#last = this.#afterReturn ? piece : this.#last + piece
    this.#afterReturn = false
    while (this.#last.length > LINE_LIMIT) {
      finished.push(this.#last.slice(0, LINE_LIMIT))
      this.#last = this.#last.slice(LINE_LIMIT)
    }
  }

  #push(lines: readonly string[]): void {
    if (lines.length === 0) return
    const blocks = [...this.#blocks]
    let rest = lines
    while (rest.length > 0) {
      const newest = blocks.at(-1)
      const room = newest ? BLOCK_LINES - newest.lines.length : 0
      if (newest && room > 0) {
        blocks[blocks.length - 1] = { id: newest.id, lines: [...newest.lines, ...rest.slice(0, room)] }
        rest = rest.slice(room)
      } else {
        blocks.push({ id: this.#nextId++, lines: rest.slice(0, BLOCK_LINES) })
        rest = rest.slice(BLOCK_LINES)
      }
    }
    this.#count += lines.length
    while (this.#count > this.#maxLines && blocks.length > 1) {
      const oldest = blocks.shift()
      this.#count -= oldest?.lines.length ?? 0
      this.#dropped += oldest?.lines.length ?? 0
    }
    this.#blocks = blocks
  }
}
