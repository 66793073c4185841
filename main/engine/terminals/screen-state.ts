import type { Terminal } from '@xterm/headless'
import {
  type AttributeInternals,
  type BufferInternals,
  CODEPOINT_MASK,
  COLOR_MASK,
  COLOR_MODE_MASK,
  HAS_EXTENDED,
  IS_COMBINED,
  internalsOf,
  type LineInternals,
  type TerminalInternals,
  WIDTH_SHIFT,
} from './xterm-internals'

/**
 * All of a terminal's state that a person or a program can notice, in a form that tests can compare: two terminals
 * with equal states show the same and react the same to whatever comes next.
 */
export function screenState(terminal: Terminal) {
  const internals = internalsOf(terminal)
  const { buffers, coreService, coreMouseService, _charsetService: charsets } = internals
  const alternate = buffers.active === buffers.alt
  return {
    columns: terminal.cols,
    rows: terminal.rows,
    alternate,
    normal: bufferState(internals, buffers.normal),
    alternateBuffer: alternate ? bufferState(internals, buffers.alt) : undefined,
    pen: attributeState(internals, internals._inputHandler._curAttrData),
    modes: { ...coreService.decPrivateModes, synchronizedOutput: undefined },
    insert: coreService.modes.insertMode,
    newLine: terminal.options.convertEol,
    cursorHidden: coreService.isCursorHidden,
    mouse: [coreMouseService.activeProtocol, coreMouseService.activeEncoding],
    charsets: [charsets.glevel, ...[0, 1, 2, 3].map((index) => charsets._charsets[index]?.q ?? 'q')],
  }
}

function bufferState(internals: TerminalInternals, buffer: BufferInternals) {
  const lines = Array.from({ length: buffer.lines.length }, (_, index) => {
    const line = buffer.lines.get(index)
    const text = line ? lineState(internals, line) : ''
    // What the first line once continued is gone.
    return index === 0 ? text.replace(/^↪/, '') : text
  })
  return {
    lines,
    cursor: [buffer.x, buffer.y],
    ybase: buffer.ybase,
    margins: [buffer.scrollTop, buffer.scrollBottom],
    // A wrap that is pending when the cursor is saved is not restored with it.
    saved: [
      Math.min(buffer.savedX, (buffer.lines.get(0)?.length ?? 1) - 1),
      Math.max(buffer.savedY - buffer.ybase, 0),
      buffer.savedCurAttrData.fg,
      buffer.savedCurAttrData.bg & COLOR_MASK,
      buffer.savedCharset?.q ?? 'q',
    ],
    tabs: Object.keys(buffer.tabs).filter((column) => buffer.tabs[Number(column)]),
  }
}

/** Runs of equal look, as `text<foreground,background,extended>`; empty cells are `·`. */
function lineState(internals: TerminalInternals, line: LineInternals): string {
  let text = line.isWrapped ? '↪' : ''
  let look = ''
  let left = 0
  for (let column = 0; column < line.length; column++) {
    const content = line._data[column * 3] ?? 0
    const empty = (content & (CODEPOINT_MASK | IS_COMBINED)) === 0
    const foreground = line._data[column * 3 + 1] ?? 0
    const background = line._data[column * 3 + 2] ?? 0
    const extended = line._extendedAttrs[column]
    const next = empty
      ? `<${background & COLOR_MASK}>`
      : attributeText(internals, {
          fg: foreground,
          bg: background,
          extended: (background & HAS_EXTENDED) !== 0 && extended ? extended : { _ext: 0, urlId: 0 },
        })
    if (next !== look) text += next
    look = next
    const width = content >>> WIDTH_SHIFT
    // Half of a wide character whose other half was overwritten counts as empty: nothing shows it.
    if (width === 0 && left > 1) text += '‹'
    else if (empty) text += '·'
    else
      text +=
        (content & IS_COMBINED) !== 0
          ? (line._combined[column] ?? '')
          : String.fromCodePoint(content & CODEPOINT_MASK)
    left = width === 0 ? left - 1 : width
  }
  return text.replace(/(<0>)?·+$/u, '')
}

function attributeText(internals: TerminalInternals, attributes: AttributeInternals): string {
  return `<${Object.values(attributeState(internals, attributes)).join(',')}>`
}

function attributeState(internals: TerminalInternals, { fg, bg, extended }: AttributeInternals) {
  const link = extended.urlId === 0 ? undefined : internals._oscLinkService.getLinkData(extended.urlId)
  return {
    foreground: fg >>> 0,
    background: (bg & ~(HAS_EXTENDED | 0x20000000)) >>> 0,
    underline: (fg & 0x10000000) === 0 ? 0 : Math.max((extended._ext >>> 26) & 7, 1),
    underlineColor: colorState(extended._ext),
    link: link ? `${link.id ?? ''}|${link.uri}` : '',
  }
}

/** An indexed colour has eight bits; xterm leaves what was there before in the others. */
function colorState(word: number): number {
  return (word & COLOR_MODE_MASK) === 0x2000000 ? word & 0x20000ff : word & COLOR_MASK
}
