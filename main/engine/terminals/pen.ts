import {
  type AttributeInternals,
  COLOR_MASK,
  COLOR_MODE_MASK,
  type ExtendedInternals,
  HAS_EXTENDED,
} from './xterm-internals'

const COLOR_MODE_16 = 0x1000000
const COLOR_MODE_256 = 0x2000000

/** Flag bits beside the colours, and the SGR parameter that sets each (ECMA-48, 8.3.117). */
const foregroundFlags: readonly (readonly [bit: number, parameter: string])[] = [
  [0x8000000, '1'],
  [0x20000000, '5'],
  [0x4000000, '7'],
  [0x40000000, '8'],
  [0x80000000, '9'],
]
const backgroundFlags: readonly (readonly [bit: number, parameter: string])[] = [
  [0x8000000, '2'],
  [0x4000000, '3'],
  [0x40000000, '53'],
]
const UNDERLINE = 0x10000000
const FOREGROUND_FLAGS = 0xfc000000
/** Without "has extended" and "protected", which no SGR sets. */
const BACKGROUND_FLAGS = 0x4c000000

export interface LinkLookup {
  getLinkData(id: number): { readonly id?: string; readonly uri: string } | undefined
}

/** The look that a terminal's next character gets, and the shortest way to change it. */
export class Pen {
  #foreground = 0
  #background = 0
  #underline = 0
  #link = 0

  constructor(private readonly links: LinkLookup) {}

  /** Whether erased cells would take a colour. */
  get hasBackground(): boolean {
    return (this.#background & COLOR_MODE_MASK) !== 0
  }

  /** Sequences that give the look of a cell. `extended` counts only where `background` says that there is one. */
  style(foreground: number, background: number, extended: ExtendedInternals | undefined): string {
    const effective = (background & HAS_EXTENDED) !== 0 ? extended : undefined
    return this.#change(foreground, background, effective)
  }

  /** Sequences that make this the pen of another terminal, hyperlink and underline colour in waiting included. */
  adopt(attributes: AttributeInternals): string {
    return this.#change(attributes.fg, attributes.bg, attributes.extended)
  }

  /** The look of an erased cell: nothing but a background colour. */
  erase(background: number): string {
    return this.#change(0, background & COLOR_MASK, undefined)
  }

  reset(): string {
    return this.#change(0, 0, undefined)
  }

  #change(look: number, background: number, extended: ExtendedInternals | undefined): string {
    // Cells hold the word unsigned, attributes signed.
    const foreground = look >>> 0
    const link = extended?.urlId ?? 0
    const underline = extended ? extended._ext & (0x1c000000 | COLOR_MASK) : 0
    const plainBackground = background & (BACKGROUND_FLAGS | COLOR_MASK)
    let text = ''
    if (link !== this.#link) {
      const data = link === 0 ? undefined : this.links.getLinkData(link)
      text += data ? `\x1b]8;${data.id === undefined ? '' : `id=${data.id}`};${data.uri}\x07` : '\x1b]8;;\x07'
      this.#link = link
    }
    if (
      foreground === this.#foreground &&
      plainBackground === this.#background &&
      underline === this.#underline
    ) {
      return text
    }
    const sameFlags =
      underline === this.#underline &&
      ((foreground ^ this.#foreground) & FOREGROUND_FLAGS) === 0 &&
      ((plainBackground ^ this.#background) & BACKGROUND_FLAGS) === 0
    const parameters: string[] = []
    if (sameFlags) {
      if (((foreground ^ this.#foreground) & COLOR_MASK) !== 0) parameters.push(color(foreground, 30, '39'))
      if (((plainBackground ^ this.#background) & COLOR_MASK) !== 0)
        parameters.push(color(plainBackground, 40, '49'))
    } else {
      parameters.push('0')
      for (const [bit, parameter] of foregroundFlags) if ((foreground & bit) !== 0) parameters.push(parameter)
      for (const [bit, parameter] of backgroundFlags) if ((background & bit) !== 0) parameters.push(parameter)
      if ((foreground & UNDERLINE) !== 0) {
        const style = (underline >>> 26) & 7
        parameters.push(style > 1 ? `4:${style}` : '4')
      }
      if ((underline & COLOR_MODE_MASK) !== 0) parameters.push(underlineColor(underline))
      if ((foreground & COLOR_MODE_MASK) !== 0) parameters.push(color(foreground, 30, '39'))
      if ((background & COLOR_MODE_MASK) !== 0) parameters.push(color(background, 40, '49'))
    }
    this.#foreground = foreground
    this.#background = plainBackground
    this.#underline = underline
    return `${text}\x1b[${parameters.join(';')}m`
  }
}

function color(word: number, base: 30 | 40, none: string): string {
  const mode = word & COLOR_MODE_MASK
  const value = word & 0xffffff
  if (mode === 0) return none
  if (mode === COLOR_MODE_16) {
    const index = value & 0xff
    return String(index < 8 ? base + index : base + 60 + index - 8)
  }
  if (mode === COLOR_MODE_256) return `${base + 8};5;${value & 0xff}`
  return `${base + 8};2;${value >>> 16};${(value >>> 8) & 0xff};${value & 0xff}`
}

function underlineColor(word: number): string {
  const value = word & 0xffffff
  return (word & COLOR_MODE_MASK) === COLOR_MODE_MASK
    ? `58;2;${value >>> 16};${(value >>> 8) & 0xff};${value & 0xff}`
    : `58;5;${value & 0xff}`
}
