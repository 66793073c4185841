/** Where a stretch of output can be cut: right after a line's end, in the middle of nothing. */
export interface Cut {
  /** Offset in the chunk. */
  readonly offset: number
  /** Sequences that set what the output before the cut has left behind: look, hyperlink, title. */
  readonly state: string
}

export interface ScannedChunk {
  readonly bytes: Uint8Array
  /** Line feeds in it. */
  readonly lines: number
  /** The first place to cut, if it has one. */
  readonly cut: Cut | undefined
}

const ZERO = 0x30
const SEMICOLON = 0x3b
/** Ends a sequence that sets the look. */
const LOOK = 0x6d

const PLAIN = 0
const LINE = 1
const SPECIAL = 2

/** Bytes by what they do to lines of text: nothing, end one, or something to look at. */
const kinds = new Uint8Array(256)
kinds.fill(SPECIAL, 0, 0x20)
for (const harmless of [0x07, 0x08, 0x09, 0x0d]) kinds[harmless] = PLAIN
kinds[0x0a] = LINE
/** Begins the C1 controls in UTF-8, and other characters. */
kinds[0xc2] = SPECIAL

/** Looks set one after the other without a reset: more than any log has. */
const MOST_STYLES = 100
const LONGEST_SEQUENCE = 2_000

/**
 * Reads output that is a log and nothing more: text, ends of lines, colours, titles and links. Of such output only
 * the last lines can ever be seen on a screen, once enough of them have come; see {@link FloodBacklog}.
 */
export class LogScanner {
  /** The newest reset of the look and what was set since. */
  #styles: Look[] = []
  #link = ''
  #title = ''
  /** Bytes of a sequence, or of a character, that is not complete; empty within text. */
  #sequence = ''

  /** Undefined: this is no log, or not one that this can tell. Then it must not be used again. */
  scan(bytes: Uint8Array): ScannedChunk | undefined {
    const { length } = bytes
    let lines = 0
    let cut: Cut | undefined
    let at = this.#sequence === '' ? 0 : this.#goOn(bytes, 0)
    while (at >= 0 && at < length) {
      const byte = bytes[at] as number
      const kind = kinds[byte]
      if (kind === PLAIN) at++
      else if (kind === LINE) {
        lines++
        at++
        if (!cut && at > 1 && bytes[at - 2] === 0x0d) cut = { offset: at, state: this.#state() }
      } else if (byte === 0x1b || byte === 0xc2) {
        const end = byte === 0x1b ? endOfLook(bytes, at) : 0
        if (end === 0) {
          this.#sequence = String.fromCharCode(byte)
          at = this.#goOn(bytes, at + 1)
        } else at = this.#takeLook(bytes, at, end) ? end : -1
      } else at = -1
    }
    return at < 0 ? undefined : { bytes, lines, cut }
  }

  /** Reads on in a sequence; the offset behind it or behind the chunk, or -1 where a log has no such sequence. */
  #goOn(bytes: Uint8Array, from: number): number {
    for (let at = from; at < bytes.length; at++) {
      this.#sequence += String.fromCharCode(bytes[at] as number)
      const complete = isComplete(this.#sequence)
      if (complete === undefined || this.#sequence.length > LONGEST_SEQUENCE) return -1
      if (!complete) continue
      const taken = this.#take(this.#sequence)
      this.#sequence = ''
      return taken ? at + 1 : -1
    }
    return bytes.length
  }

  #state(): string {
    return `${this.#styles.map(textOf).join('')}${this.#link}${this.#title}`
  }

  #takeLook(bytes: Uint8Array, from: number, to: number): boolean {
    const first = bytes[from + 2]
    const second = bytes[from + 3]
    const reset =
      first === LOOK || first === SEMICOLON || (first === ZERO && (second === LOOK || second === SEMICOLON))
    if (reset) this.#styles = []
    this.#styles.push({ bytes, from, to })
    if (this.#styles.length <= MOST_STYLES) return true
    this.#styles = lastOfEach(this.#styles)
    return this.#styles.length <= MOST_STYLES / 2
  }

  #take(sequence: string): boolean {
    if (sequence.endsWith('m') && sequence[1] === '[')
      return this.#takeLook(Buffer.from(sequence, 'latin1'), 0, sequence.length)
    if (sequence[1] === ']') {
      if (sequence[2] === '8') this.#link = sequence
      else this.#title = sequence
    }
    return true
  }
}

/** A sequence where it stands: most are forgotten before anyone needs their text. */
interface Look {
  readonly bytes: Uint8Array
  readonly from: number
  readonly to: number
}

function textOf({ bytes, from, to }: Look): string {
  return String.fromCharCode(...bytes.subarray(from, to))
}

/** A sequence sets always the same things to the same values, so one that comes again makes its earlier self void. */
function lastOfEach(looks: readonly Look[]): Look[] {
  const byText = new Map<string, Look>()
  for (const look of looks) {
    const text = textOf(look)
    byText.delete(text)
    byText.set(text, look)
  }
  return [...byText.values()]
}

/** Where a sequence that sets the look (SGR) and begins at `start` ends; 0: it is another one, or goes on in the next chunk. */
function endOfLook(bytes: Uint8Array, start: number): number {
  if (bytes[start + 1] !== 0x5b) return 0
  for (let at = start + 2; at < bytes.length; at++) {
    const byte = bytes[at] ?? 0
    if (byte >= ZERO && byte <= SEMICOLON) continue
    return byte === LOOK ? at + 1 : 0
  }
  return 0
}

/** Whether a sequence is all there; undefined when it is of a kind that a log does not have. */
function isComplete(sequence: string): boolean | undefined {
  const second = sequence.charCodeAt(1)
  if (sequence.charCodeAt(0) === 0xc2) return second < 0xa0 ? undefined : true
  const last = sequence.charCodeAt(sequence.length - 1)
  switch (second) {
    case 0x5b: // CSI: looks, and erasing in a line
      if (sequence.length === 2) return false
      if ((last >= 0x30 && last <= 0x39) || last === 0x3a || last === 0x3b) return false
      return last === 0x6d || last === 0x4b ? true : undefined
    case 0x5d: // OSC: titles and links
      if (sequence.length === 2) return false
      if (sequence.length === 3) return '0128'.includes(sequence[2] ?? '') ? false : undefined
      if (sequence.length === 4) return sequence[3] === ';' ? false : undefined
      if (last === 0x07) return true
      if (last === 0x5c && sequence.charCodeAt(sequence.length - 2) === 0x1b) return true
      if (sequence.charCodeAt(sequence.length - 2) === 0x1b) return undefined
      return last >= 0x20 || last === 0x1b ? false : undefined
    default:
      return undefined
  }
}

/**
 * Output that a terminal has not read yet, and of which it need not read what nobody could scroll back to any more:
 * when enough lines have come after a place, all before it has left the scrollback.
 */
export class FloodBacklog {
  readonly #scanner = new LogScanner()
  readonly #linesSeen: number
  #chunks: ScannedChunk[] = []
  #lines = 0
  #bytes = 0
  #prefix = ''

  /** @param linesSeen how many lines a terminal keeps, with its screen twice: a cursor may be anywhere on it */
  constructor(linesSeen: number) {
    this.#linesSeen = linesSeen
  }

  get bytes(): number {
    return this.#bytes
  }

  /** False: the chunk is no log, was not taken, and nothing must be pushed after it. */
  push(bytes: Uint8Array): boolean {
    const chunk = this.#scanner.scan(bytes)
    if (!chunk) return false
    this.#chunks.push(chunk)
    this.#lines += chunk.lines
    this.#bytes += bytes.length
    this.#forget()
    return true
  }

  /** What is left to read, in order. */
  rest(): Uint8Array[] {
    const rest = this.#chunks.map(({ bytes }) => bytes)
    return this.#prefix === '' ? rest : [Buffer.from(this.#prefix, 'latin1'), ...rest]
  }

  #forget(): void {
    for (;;) {
      const [oldest, next] = this.#chunks
      if (!oldest || !next?.cut || this.#lines - oldest.lines - 1 < this.#linesSeen) return
      const { offset, state } = next.cut
      this.#prefix = `\r${state}`
      const kept: ScannedChunk = { bytes: next.bytes.subarray(offset), lines: next.lines - 1, cut: undefined }
      this.#lines -= oldest.lines + 1
      this.#bytes -= oldest.bytes.length + offset
      this.#chunks.splice(0, 2, kept)
    }
  }
}
