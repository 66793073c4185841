import { Pen } from './pen'
import {
  type BufferInternals,
  type Charset,
  CODEPOINT_MASK,
  COLOR_MODE_MASK,
  IS_COMBINED,
  type LineInternals,
  type TerminalInternals,
  WIDTH_SHIFT,
} from './xterm-internals'

/** What a terminal's state consists of beyond its own fields. */
export interface ScreenExtras {
  readonly columns: number
  readonly rows: number
  readonly title: string
  /** Sequences for the colours that programs have changed. */
  readonly colors: string
  /** Line feeds also return the carriage (LNM). */
  readonly newLineMode: boolean
  readonly cursorBlinkMode: boolean
}

/**
 * Writes a terminal's whole state as escape sequences: given to a fresh terminal of the same size they reproduce
 * scrollback, both screens, wrapped lines, colours, links, margins, saved cursors, modes and title. They contain no
 * query, so a terminal that reads them has nothing to answer.
 */
export function serializeScreen(terminal: TerminalInternals, extras: ScreenExtras): string {
  const { buffers } = terminal
  const alternate = buffers.active === buffers.alt
  const writer = new ScreenWriter(terminal, extras)
  writer.buffer(buffers.normal)
  if (alternate) {
    writer.marginsAndSavedCursor(buffers.normal)
    writer.cursor(buffers.normal)
    // 47 switches without touching the saved cursor or clearing anything more than switching does.
    writer.plain('\x1b[?47h\x1b[H')
    writer.buffer(buffers.alt)
  }
  writer.marginsAndSavedCursor(buffers.active)
  writer.tabStops(buffers.active)
  if (terminal.coreService.decPrivateModes.origin) writer.raw('\x1b[?6h')
  writer.cursor(buffers.active)
  writer.look()
  writer.raw(modes(terminal, extras))
  return writer.text()
}

class ScreenWriter {
  readonly #parts: string[] = []
  readonly #pen: Pen

  constructor(
    private readonly terminal: TerminalInternals,
    private readonly extras: ScreenExtras,
  ) {
    this.#pen = new Pen(terminal._oscLinkService)
  }

  text(): string {
    return this.#parts.join('')
  }

  raw(text: string): void {
    this.#parts.push(text)
  }

  /** With the plain look, which fills whatever the sequence clears. */
  plain(text: string): void {
    this.#parts.push(this.#pen.reset(), text)
  }

  /** All lines from the first of the scrollback to the last of the screen; leaves the cursor anywhere. */
  buffer(buffer: BufferInternals): void {
    const count = this.#lineCount(buffer)
    let tinted = false
    for (let index = 0; index < count; index++) {
      const line = buffer.lines.get(index)
      if (!line) continue
      const column = this.#line(line, tinted)
      // Beyond its length the ring gives its first line again.
      const next = index + 1 < count ? buffer.lines.get(index + 1) : undefined
      if (!next) return
      tinted = false
      if (next.isWrapped) tinted = this.#wrap(line, next, column)
      else this.#parts.push(this.#pen.hasBackground ? this.#pen.reset() : '', '\r\n')
    }
  }

  /** Lines to write: without scrollback those below the last text are as a fresh screen has them. */
  #lineCount(buffer: BufferInternals): number {
    let count = buffer.lines.length
    if (count > this.extras.rows) return count
    while (count > 0) {
      const line = buffer.lines.get(count - 1)
      if (line && (line.isWrapped || usedLength(line) > 0)) break
      count--
    }
    return count
  }

  /**
   * @param tinted The line's cells may have a colour already and must all be written.
   * @returns the cursor's column
   */
  #line(line: LineInternals, tinted: boolean): number {
    const end = tinted ? line.length : usedLength(line)
    let cursor = 0
    let column = 0
    let joinable = false
    while (column < end) {
      const content = line._data[column * 3] ?? 0
      const foreground = line._data[column * 3 + 1] ?? 0
      const background = line._data[column * 3 + 2] ?? 0
      const code = content & CODEPOINT_MASK
      const width = content >>> WIDTH_SHIFT
      if (code === 0 && (content & IS_COMBINED) === 0) {
        const run = emptyRun(line, column, end)
        if (tinted || (background & COLOR_MODE_MASK) !== 0) {
          if (cursor !== column) this.#parts.push(`\x1b[${column + 1}G`)
          this.#parts.push(this.#pen.erase(background), `\x1b[${run}X`)
          cursor = column
        }
        column += run
        joinable = false
        continue
      }
      const risky = (content & IS_COMBINED) !== 0 || mayJoin(code)
      // An explicit move keeps two neighbours that were written apart from joining into one cluster.
      if (cursor !== column || (risky && joinable)) this.#parts.push(`\x1b[${column + 1}G`)
      this.#parts.push(
        this.#pen.style(foreground, background, line._extendedAttrs[column]),
        (content & IS_COMBINED) !== 0 ? (line._combined[column] ?? '') : String.fromCodePoint(code),
      )
      joinable = risky
      column += Math.max(width, 1)
      cursor = column
    }
    return cursor
  }

  /** Goes on to a line that continues this one. Returns whether the new line may have taken a colour. */
  #wrap(line: LineInternals, next: LineInternals, cursor: number): boolean {
    const columns = line.length
    const first = next._data[0] ?? 0
    const nextHasText = (first & (CODEPOINT_MASK | IS_COMBINED)) !== 0
    const nextBackground = next._data[2] ?? 0
    const last = (columns - 1) * 3
    const lastIsEmpty = ((line._data[last] ?? 0) & (CODEPOINT_MASK | IS_COMBINED)) === 0
    const lastBackground = line._data[last + 2] ?? 0
    if (nextHasText) {
      if (cursor === columns) return (nextBackground & COLOR_MODE_MASK) !== 0
      // A wide character that did not fit leaves the last cell empty, in its own colours.
      const wide = first >>> WIDTH_SHIFT === 2
      if (wide && cursor === columns - 1 && lastIsEmpty && lastBackground === nextBackground)
        return (nextBackground & COLOR_MODE_MASK) !== 0
    }
    // Nothing wraps by itself here: write past the edge, then take back what was written.
    if (cursor === columns) {
      this.plain(' \r\x1b[1X')
      return false
    }
    this.plain(`\x1b[${columns}G  \x1b[A\x1b[${columns}G`)
    this.#parts.push(this.#pen.erase(lastBackground), '\x1b[1X')
    this.plain('\x1b[B\r\x1b[1X')
    return false
  }

  marginsAndSavedCursor(buffer: BufferInternals): void {
    const { rows } = this.extras
    if (buffer.scrollTop !== 0 || buffer.scrollBottom !== rows - 1)
      this.raw(`\x1b[${buffer.scrollTop + 1};${buffer.scrollBottom + 1}r`)
    const saved = buffer.savedCurAttrData
    const row = Math.max(buffer.savedY - buffer.ybase, 0)
    const graphics = isGraphics(buffer.savedCharset)
    if (row === 0 && buffer.savedX === 0 && saved.fg === 0 && saved.bg === 0 && !graphics) return
    this.raw(`\x1b[${row + 1};${buffer.savedX + 1}H`)
    this.raw(this.#pen.style(saved.fg, saved.bg, undefined))
    this.raw(graphics ? '\x1b(0\x1b7\x1b(B' : '\x1b7')
  }

  /** Puts the cursor where it stands, with its pending wrap where there is one. */
  cursor(buffer: BufferInternals): void {
    const origin = this.terminal.coreService.decPrivateModes.origin && buffer === this.terminal.buffers.active
    const row = buffer.y - (origin ? buffer.scrollTop : 0) + 1
    const line = buffer.lines.get(buffer.ybase + buffer.y)
    if (buffer.x < this.extras.columns || !line) {
      this.raw(`\x1b[${row};${buffer.x + 1}H`)
      return
    }
    let column = line.length - 1
    while (column > 0 && (line._data[column * 3] ?? 0) >>> WIDTH_SHIFT === 0) column--
    const content = line._data[column * 3] ?? 0
    this.raw(`\x1b[${row};${column + 1}H`)
    if ((content & (CODEPOINT_MASK | IS_COMBINED)) === 0) {
      // Only writing brings the cursor past the edge: a blank, where there was nothing.
      this.#parts.push(this.#pen.erase(line._data[column * 3 + 2] ?? 0), ' ')
      return
    }
    this.raw(
      this.#pen.style(
        line._data[column * 3 + 1] ?? 0,
        line._data[column * 3 + 2] ?? 0,
        line._extendedAttrs[column],
      ),
    )
    this.raw(
      (content & IS_COMBINED) !== 0
        ? (line._combined[column] ?? '')
        : String.fromCodePoint(content & CODEPOINT_MASK),
    )
  }

  tabStops(buffer: BufferInternals): void {
    const { columns } = this.extras
    const stops: number[] = []
    let usual = true
    for (let column = 0; column < columns; column++) {
      const stop = buffer.tabs[column] === true
      if (stop) stops.push(column)
      if (stop !== (column % 8 === 0)) usual = false
    }
    if (usual) return
    this.raw('\x1b[3g')
    for (const column of stops) this.raw(`\x1b[${column + 1}G\x1bH`)
  }

  /** The look of what comes next. */
  look(): void {
    this.raw(this.#pen.adopt(this.terminal._inputHandler._curAttrData))
  }
}

const mouseProtocols = new Map([
  ['X10', 9],
  ['VT200', 1000],
  ['DRAG', 1002],
  ['ANY', 1003],
])
const mouseEncodings = new Map([
  ['SGR', 1006],
  ['SGR_PIXELS', 1016],
])

function modes(terminal: TerminalInternals, extras: ScreenExtras): string {
  const { decPrivateModes: flags, isCursorHidden, modes: ansi } = terminal.coreService
  const { activeProtocol, activeEncoding } = terminal.coreMouseService
  const { glevel, _charsets: charsets } = terminal._charsetService
  let text = ''
  for (const [index, intermediate] of ['(', ')', '*', '+'].entries())
    if (isGraphics(charsets[index])) text += `\x1b${intermediate}0`
  text += ['', '\x0e', '\x1bn', '\x1bo'][glevel] ?? ''
  if (flags.applicationCursorKeys) text += '\x1b[?1h'
  if (flags.applicationKeypad) text += '\x1b[?66h'
  if (flags.bracketedPasteMode) text += '\x1b[?2004h'
  if (flags.reverseWraparound) text += '\x1b[?45h'
  if (flags.sendFocus) text += '\x1b[?1004h'
  if (!flags.wraparound) text += '\x1b[?7l'
  if (ansi.insertMode) text += '\x1b[4h'
  if (extras.newLineMode) text += '\x1b[20h'
  if (extras.cursorBlinkMode) text += '\x1b[?12h'
  const protocol = mouseProtocols.get(activeProtocol)
  if (protocol !== undefined) text += `\x1b[?${protocol}h`
  const encoding = mouseEncodings.get(activeEncoding)
  if (encoding !== undefined) text += `\x1b[?${encoding}h`
  if (flags.cursorStyle !== undefined) {
    const steady = { block: 2, underline: 4, bar: 6 }[flags.cursorStyle]
    text += `\x1b[${flags.cursorBlink ? steady - 1 : steady} q`
  }
  if (isCursorHidden) text += '\x1b[?25l'
  if (extras.title !== '') text += `\x1b]2;${extras.title}\x07`
  return text + extras.colors
}

/** DEC special graphics, the one character set beside ASCII that programs still use. */
function isGraphics(charset: Charset | undefined): boolean {
  return charset?.q === '─'
}

/** Columns up to the last cell that a fresh line would not have. */
function usedLength(line: LineInternals): number {
  let end = line.length
  while (end > 0) {
    const at = (end - 1) * 3
    const content = line._data[at] ?? 0
    const background = line._data[at + 2] ?? 0
    if ((content & (CODEPOINT_MASK | IS_COMBINED)) !== 0 || content >>> WIDTH_SHIFT === 0) break
    if ((background & COLOR_MODE_MASK) !== 0) break
    end--
  }
  return end
}

/** How many empty cells of the same background follow each other. */
function emptyRun(line: LineInternals, start: number, end: number): number {
  const background = line._data[start * 3 + 2] ?? 0
  let column = start + 1
  while (
    column < end &&
    ((line._data[column * 3] ?? 0) & (CODEPOINT_MASK | IS_COMBINED)) === 0 &&
    line._data[column * 3 + 2] === background
  )
    column++
  return column - start
}

/**
 * Characters that may form one cluster with a neighbour (UAX 29). Wide: only plain Latin, Greek and Cyrillic
 * letters, kana, Han and full-width forms are known not to.
 */
function mayJoin(code: number): boolean {
  if (code < 0x300) return false
  if (code >= 0x370 && code < 0x483) return false
  if (code >= 0x2500 && code < 0x2600) return false
  if (code >= 0x3000 && code < 0xa000) return false
  return !(code >= 0xff00 && code < 0xfff0)
}
