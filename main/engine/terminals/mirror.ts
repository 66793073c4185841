import { Terminal } from '@xterm/headless/lib-headless/xterm-headless.mjs'
import { ByteTail } from './byte-tail'
import { ColorChanges, colorSequences } from './color-changes'
import { FloodBacklog } from './log-scanner'
import { serializeScreen } from './screen-serializer'
import { UnicodeGraphemesAddon } from './unicode/graphemes'
import { hardenTerminal } from './xterm-hardening'
import { GROUND_STATE, internalsOf } from './xterm-internals'

/** With this much waiting to be parsed the output is a flood. */
const FLOOD = 24_576
/** A flood that pauses this long, milliseconds, is over, and its end gets parsed. */
const FLOOD_PAUSE = 100
/** What a flood may have waiting; beyond it, its lines are too long to forget any. */
const LONGEST_BACKLOG = 2_000_000
/** After output turned out to be no log, so much more of it is parsed before it is looked at again, bytes. */
const LOOK_AGAIN = 1_000_000

/** Bytes given to the parser at a time; between two the engine sees to its other work. */
const FEED = 65_536
/** The parser looks at the clock between pieces of this size, and yields after 12 ms. */
const PIECE = 16_384

/** Lines that {@link ScreenMirror.latestText} gives at most. */
const LATEST = 1000

export interface MirrorOptions {
  readonly columns: number
  readonly rows: number
  /** Lines kept above the screen. */
  readonly scrollback: number
  /** The terminal's answer to a query of the program: device attributes, cursor position and the like. */
  readonly onAnswer: (answer: string) => void
  /** A program asked for a colour: `4;<index>`, `10`, `11` or `12`. */
  readonly onColorQuery: (color: string) => void
  readonly onTitle: (title: string) => void
  /** The terminal could not make sense of some output, through a fault of its own. */
  readonly onFault: (error: unknown) => void
  /** Some of what was written has been parsed. */
  readonly onProgress: () => void
}

export interface Snapshot {
  /** Escape sequences that give a fresh terminal this state. */
  readonly data: string
  /** Bytes to send right after them: the beginning of a sequence whose rest is still to come. */
  readonly tail: Uint8Array
  readonly columns: number
  readonly rows: number
}

/**
 * The screen of a session as the engine itself sees it. All that is asked of it happens in the order of the calls,
 * relative to the bytes written.
 */
export class ScreenMirror {
  readonly #terminal: Terminal
  readonly #options: MirrorOptions
  readonly #queue: (Uint8Array | (() => void))[] = []
  readonly #tail = new ByteTail()
  readonly #colors = new ColorChanges()
  /** Present during a flood, then all output goes there. */
  #backlog: FloodBacklog | undefined
  #backlogTimer: NodeJS.Timeout | undefined
  #untilLook = 0
  #title = ''
  #pending = 0
  #busy = false
  #disposed = false

  constructor(options: MirrorOptions) {
    this.#options = options
    this.#terminal = new Terminal({
      cols: options.columns,
      rows: options.rows,
      scrollback: options.scrollback,
      allowProposedApi: true,
      logLevel: 'off',
    })
    this.#terminal.loadAddon(new UnicodeGraphemesAddon())
    hardenTerminal(this.#terminal, options.onFault)
    this.#terminal.onData((answer) => options.onAnswer(answer))
    this.#terminal.onTitleChange((title) => {
      this.#title = withoutControls(title)
      options.onTitle(this.#title)
    })
    for (const number of colorSequences) {
      this.#terminal.parser.registerOscHandler(number, (data) => {
        this.#colors.apply(number, data)
        for (const color of queriedColors(number, data)) options.onColorQuery(color)
        return false
      })
    }
    this.#terminal.parser.registerEscHandler({ final: 'c' }, () => {
      this.#colors.clear()
      return false
    })
  }

  /** Bytes written that are being parsed, or wait for it. */
  get pending(): number {
    return this.#pending
  }

  /** Whether it lets the output of a flood wait, and forgets what nobody could scroll back to. */
  get idling(): boolean {
    return this.#backlog !== undefined
  }

  get title(): string {
    return this.#title
  }

  write(chunk: Uint8Array): void {
    if (this.#disposed || chunk.length === 0) return
    if (this.#backlog) {
      if (this.#backlog.push(chunk)) {
        this.#backlogTimer?.refresh()
        if (this.#backlog.bytes > LONGEST_BACKLOG) this.#endFlood()
        return
      }
      this.#endFlood()
    }
    this.#pending += chunk.length
    this.#queue.push(chunk)
    this.#pump()
  }

  /** Calls back once everything written so far is on the screen, and nothing written later; never after disposal. */
  whenParsed(callback: () => void): void {
    if (this.#disposed) return
    this.#endFlood()
    this.#queue.push(callback)
    this.#pump()
  }

  resize(columns: number, rows: number): void {
    this.whenParsed(() => this.#terminal.resize(columns, rows))
  }

  setScrollback(lines: number): void {
    this.whenParsed(() => {
      this.#terminal.options.scrollback = lines
    })
  }

  /** The state at this moment; to be called within {@link whenParsed}. */
  snapshot(): Snapshot {
    const { cols, rows } = this.#terminal
    const data = serializeScreen(internalsOf(this.#terminal), {
      columns: cols,
      rows,
      title: this.#title,
      colors: this.#colors.sequences,
      newLineMode: this.#terminal.options.convertEol === true,
      cursorBlinkMode: this.#terminal.options.cursorBlink === true,
    })
    return { data, tail: this.#tail.bytes, columns: cols, rows }
  }

  /** The text of its last lines, as far as they are parsed. A line that goes on in the next row is one. */
  latestText(): string {
    const { active } = this.#terminal.buffer
    let text = ''
    for (let row = Math.max(0, active.length - LATEST); row < active.length; row++) {
      const line = active.getLine(row)
      text += `${line?.isWrapped ? '' : '\n'}${line?.translateToString(true) ?? ''}`
    }
    return text
  }

  dispose(): void {
    if (this.#disposed) return
    this.#disposed = true
    clearTimeout(this.#backlogTimer)
    this.#backlog = undefined
    this.#queue.length = 0
    this.#pending = 0
    this.#terminal.dispose()
  }

  /** Puts what waits aside, if it is a log and the terminal is as a log needs it. */
  #beginFlood(): void {
    this.#untilLook = LOOK_AGAIN
    const waiting = this.#queue.filter((item) => typeof item !== 'function')
    if (waiting.length < this.#queue.length || this.#tail.bytes.length > 0 || !this.#isPlain()) return
    const { rows, options } = this.#terminal
    const backlog = new FloodBacklog((options.scrollback ?? 0) + 2 * rows)
    for (const chunk of waiting) if (!backlog.push(chunk)) return
    this.#untilLook = 0
    this.#queue.length = 0
    this.#pending = 0
    this.#backlog = backlog
    this.#backlogTimer = setTimeout(() => this.#endFlood(), FLOOD_PAUSE)
  }

  /** Parses what is left of a flood. */
  #endFlood(): void {
    const backlog = this.#backlog
    if (!backlog) return
    clearTimeout(this.#backlogTimer)
    this.#backlog = undefined
    for (const chunk of backlog.rest()) {
      this.#queue.push(chunk)
      this.#pending += chunk.length
    }
    this.#untilLook = this.#pending
    this.#pump()
  }

  /** Nothing is set that makes a line of text do more than move the lines before it up. */
  #isPlain(): boolean {
    const {
      buffers,
      coreService,
      _charsetService: charsets,
      _inputHandler: handler,
    } = internalsOf(this.#terminal)
    const { active, normal } = buffers
    const { origin, wraparound } = coreService.decPrivateModes
    return (
      active === normal &&
      active.scrollTop === 0 &&
      active.scrollBottom === this.#terminal.rows - 1 &&
      !origin &&
      wraparound &&
      !coreService.modes.insertMode &&
      charsets.glevel === 0 &&
      charsets._charsets.every((charset) => charset === undefined) &&
      handler._parser.currentState === GROUND_STATE
    )
  }

  #pump(): void {
    if (this.#busy) return
    for (let item = this.#queue.shift(); item !== undefined; item = this.#queue.shift()) {
      if (typeof item !== 'function') {
        this.#feed(item)
        return
      }
      // Whatever the callback asks for comes after it, in its turn.
      this.#busy = true
      item()
      this.#busy = false
    }
  }

  #feed(chunk: Uint8Array): void {
    this.#busy = true
    const part = chunk.length > FEED ? chunk.subarray(0, FEED) : chunk
    if (part !== chunk) this.#queue.unshift(chunk.subarray(FEED))
    for (let at = 0; at < part.length; at += PIECE) {
      const piece = part.subarray(at, at + PIECE)
      if (at + PIECE < part.length) this.#terminal.write(piece)
      else this.#terminal.write(piece, () => this.#parsed(part))
    }
  }

  #parsed(part: Uint8Array): void {
    if (this.#disposed) return
    this.#tail.advance(part, internalsOf(this.#terminal)._inputHandler._parser.currentState)
    this.#pending -= part.length
    this.#busy = false
    this.#untilLook -= part.length
    if (this.#pending > FLOOD && this.#untilLook <= 0) this.#beginFlood()
    this.#pump()
    this.#options.onProgress()
  }
}

function queriedColors(number: number, data: string): string[] {
  const fields = data.split(';')
  if (number === 4)
    return fields.flatMap((field, at) => (field === '?' && at % 2 === 1 ? [`4;${fields[at - 1]}`] : []))
  if (number > 12) return []
  return fields.flatMap((field, at) => (field === '?' && number + at <= 12 ? [String(number + at)] : []))
}

/** A title goes into a sequence of its own and into the interface: one line, no control characters, 200 at most. */
function withoutControls(title: string): string {
  return [...title.replace(/\p{Cc}+/gu, ' ').trim()].slice(0, 200).join('')
}
