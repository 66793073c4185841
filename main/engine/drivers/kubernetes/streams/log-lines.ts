/** Runtimes cut longer lines into entries of this many bytes, each with a time of its own. */
const ENTRY = 16 * 1024
const LINE_FEED = 10
const SPACE = 32
/** `2024-05-01T10:00:00.123456789Z`, or with a zone's offset. */
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d) /
const LONGEST_TIME = 40

/** Where a log has been read to: seconds since the epoch, and how many lines of these and later seconds were read. */
export interface LogPosition {
  readonly second: number
  readonly lines: number
}

/**
 * Takes the times off the lines of a log, and keeps account of them, so that reading can go on where it broke off. A
 * server can begin at a second only, and begins with the first line of it: the lines of that second that were read
 * already are counted and skipped. Entries of one second stay in their order; those of two channels may be a little
 * out of order over its border, so that it begins one second earlier than the last.
 */
export class LogLines {
  /** How many lines were read of each of the last seconds. */
  readonly #counts = new Map<number, number>()
  #last = 0
  /** The largest time that was read, as text. */
  #newest = ''
  #toSkip = 0
  /** Bytes of an unfinished line, with its time still on it. */
  #rest: Buffer = Buffer.alloc(0)
  /** The second that was parsed last: most lines share it. */
  #parsed = { text: '', second: 0 }

  /** Where to begin again; undefined where nothing was read yet. */
  get position(): LogPosition | undefined {
    if (this.#last === 0) return undefined
    const second = this.#last - 1
    let lines = 0
    for (const [at, count] of this.#counts) if (at >= second) lines += count
    return { second, lines }
  }

  /** A new connection begins at {@link position}: what was half read comes again. */
  resume(): void {
    this.#toSkip = this.position?.lines ?? 0
    this.#rest = Buffer.alloc(0)
  }

  /** The whole lines of what came, without their times; undefined where there is none yet. */
  push(chunk: Buffer): Buffer | undefined {
    const all = this.#rest.length > 0 ? Buffer.concat([this.#rest, chunk]) : chunk
    const pieces: Buffer[] = []
    let start = 0
    for (let end = all.indexOf(LINE_FEED); end >= 0; end = all.indexOf(LINE_FEED, start)) {
      this.#line(all.subarray(start, end + 1), pieces)
      start = end + 1
    }
    this.#rest = Buffer.from(all.subarray(start))
    return joined(pieces)
  }

  /** What is left when the log is over: a last line without its end. */
  finish(): Buffer | undefined {
    const pieces: Buffer[] = []
    if (this.#rest.length > 0) this.#line(this.#rest, pieces)
    this.#rest = Buffer.alloc(0)
    return joined(pieces)
  }

  #line(line: Buffer, pieces: Buffer[]): void {
    const length = timeLength(line)
    if (length === 0) {
      // Not the log's: the server's own word on why it ends.
      pieces.push(line)
      return
    }
    const time = line.toString('latin1', 0, length - 1)
    if (this.#toSkip > 0) {
      this.#toSkip--
      // Behind a log that was cut short meanwhile come lines that were not read.
      if (time <= this.#newest) return
      this.#toSkip = 0
    }
    this.#count(time)
    let from = length
    // Older kubelets put a time before each entry of a line that the runtime has cut.
    while (line.length - from > ENTRY) {
      pieces.push(line.subarray(from, from + ENTRY))
      from += ENTRY
      from += timeLength(line.subarray(from, from + LONGEST_TIME))
    }
    pieces.push(line.subarray(from))
  }

  #count(time: string): void {
    const text = time.replace(/\.\d+/, '')
    if (text !== this.#parsed.text) this.#parsed = { text, second: Math.floor(Date.parse(text) / 1000) }
    const { second } = this.#parsed
    if (Number.isNaN(second)) return
    if (time > this.#newest) this.#newest = time
    this.#counts.set(second, (this.#counts.get(second) ?? 0) + 1)
    if (second <= this.#last) return
    this.#last = second
    for (const at of this.#counts.keys()) if (at < second - 1) this.#counts.delete(at)
  }
}

/** Bytes of the time and the space behind it; 0 where a line does not begin with one. */
function timeLength(line: Buffer): number {
  const space = line.subarray(0, LONGEST_TIME).indexOf(SPACE)
  if (space < 20) return 0
  return TIME.test(line.toString('latin1', 0, space + 1)) ? space + 1 : 0
}

function joined(pieces: readonly Buffer[]): Buffer | undefined {
  if (pieces.length === 0) return undefined
  return pieces.length === 1 ? pieces[0] : Buffer.concat(pieces)
}
