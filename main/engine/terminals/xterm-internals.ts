import type { Terminal } from '@xterm/headless'

/**
 * The parts of xterm.js 6.0.0 that a faithful copy of a screen needs and that its public interface does not give:
 * margins, saved cursors, character sets, the mouse encoding, underline styles, hyperlinks, and whether the parser
 * stands within a sequence. Property names are those of the published build; `mirror.test.ts` fails when an update
 * moves any of them.
 */
export interface TerminalInternals {
  readonly buffers: {
    readonly normal: BufferInternals
    readonly alt: BufferInternals
    readonly active: BufferInternals
  }
  readonly coreService: {
    readonly isCursorHidden: boolean
    readonly modes: { readonly insertMode: boolean }
    readonly decPrivateModes: DecPrivateModes
  }
  readonly coreMouseService: { readonly activeProtocol: string; readonly activeEncoding: string }
  readonly _charsetService: {
    readonly glevel: number
    readonly _charsets: readonly (Charset | undefined)[]
  }
  readonly _oscLinkService: {
    getLinkData(id: number): { readonly id?: string; readonly uri: string } | undefined
  }
  readonly _inputHandler: {
    readonly _curAttrData: AttributeInternals
    readonly _parser: { readonly currentState: number; reset(): void }
    parse(data: string | Uint8Array, result?: boolean): Promise<boolean> | undefined
    eraseInDisplay(parameters: { readonly params: readonly number[] }): boolean
  }
}

export interface DecPrivateModes {
  readonly applicationCursorKeys: boolean
  readonly applicationKeypad: boolean
  readonly bracketedPasteMode: boolean
  readonly cursorBlink: boolean | undefined
  readonly cursorStyle: 'block' | 'underline' | 'bar' | undefined
  readonly origin: boolean
  readonly reverseWraparound: boolean
  readonly sendFocus: boolean
  readonly wraparound: boolean
}

/** What each ASCII character is drawn as; absent: as itself. */
export type Charset = Readonly<Record<string, string>>

export interface BufferInternals {
  readonly lines: { readonly length: number; get(index: number): LineInternals | undefined }
  /** Cursor column; equal to the number of columns while a wrap is pending. */
  readonly x: number
  readonly y: number
  /** Index of the screen's first line. */
  readonly ybase: number
  readonly scrollTop: number
  readonly scrollBottom: number
  readonly savedX: number
  /** Index of a line, not of a screen row. */
  readonly savedY: number
  readonly savedCurAttrData: AttributeInternals
  readonly savedCharset: Charset | undefined
  readonly tabs: Readonly<Record<number, boolean | undefined>>
}

export interface LineInternals {
  readonly length: number
  readonly isWrapped: boolean
  /** Three words per cell: content, foreground, background. */
  readonly _data: Uint32Array
  readonly _combined: Readonly<Record<number, string>>
  readonly _extendedAttrs: Readonly<Record<number, ExtendedInternals | undefined>>
}

export interface AttributeInternals {
  readonly fg: number
  readonly bg: number
  readonly extended: ExtendedInternals
}

export interface ExtendedInternals {
  /** Underline style in bits 26 to 28, underline colour in bits 0 to 25. */
  readonly _ext: number
  /** 0: no hyperlink. */
  readonly urlId: number
}

/** Bits of a cell's three words (xterm.js, src/common/buffer/Constants.ts). */
export const CODEPOINT_MASK = 0x1fffff
export const IS_COMBINED = 0x200000
export const WIDTH_SHIFT = 22
export const COLOR_MODE_MASK = 0x3000000
export const COLOR_MASK = 0x3ffffff
export const HAS_EXTENDED = 0x10000000
/** The parser's state in which it expects text. */
export const GROUND_STATE = 0

export function internalsOf(terminal: Terminal): TerminalInternals {
  return (terminal as unknown as { readonly _core: TerminalInternals })._core
}
