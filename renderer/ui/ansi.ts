/** A run of text in one look. */
export interface StyledText {
  readonly text: string
  /** CSS colours. */
  readonly color?: string
  readonly background?: string
  readonly bold?: boolean
  readonly dim?: boolean
  readonly italic?: boolean
  readonly underline?: boolean
}

type Look = Omit<StyledText, 'text'>

const names = ['black', 'red', 'green', 'yellow', 'blue', 'magenta', 'cyan', 'white'] as const

// Any escape sequence: CSI, OSC (ended by BEL or ST), or a short one. ECMA-48, 5.4 and 8.3.
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for
const SEQUENCE = /\x1b(?:\[([0-9;:]*)[ -/]*([@-~])|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[ -/]*[0-~])/g
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it removes
const CONTROLS = /[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]/g

/**
 * Reads a line's colours (SGR, ECMA-48 8.3.117) into runs; every other escape sequence and control character is
 * left out. The look does not carry over to the next line.
 */
export function parseAnsi(line: string): readonly StyledText[] {
  const runs: StyledText[] = []
  let look: Look = {}
  let position = 0
  const push = (text: string) => {
    const clean = text.replace(CONTROLS, '')
    if (clean !== '') runs.push({ ...look, text: clean })
  }
  for (const match of line.matchAll(SEQUENCE)) {
    push(line.slice(position, match.index))
    position = match.index + match[0].length
    if (match[2] === 'm') look = applySgr(look, match[1] ?? '')
  }
  push(line.slice(position))
  return runs
}

function applySgr(look: Look, parameters: string): Look {
  const codes = parameters.split(/[;:]/).map((code) => (code === '' ? 0 : Number(code)))
  let next: Look = look
  for (let index = 0; index < codes.length; index++) {
    const code = codes[index] ?? 0
    if (code === 0) next = {}
    else if (code === 1) next = { ...next, bold: true }
    else if (code === 2) next = { ...next, dim: true }
    else if (code === 3) next = { ...next, italic: true }
    else if (code === 4) next = { ...next, underline: true }
    else if (code === 22) next = without(next, 'bold', 'dim')
    else if (code === 23) next = without(next, 'italic')
    else if (code === 24) next = without(next, 'underline')
    else if (code === 39) next = without(next, 'color')
    else if (code === 49) next = without(next, 'background')
    else if (code === 38 || code === 48) {
      const [colour, used] = extendedColour(codes.slice(index + 1))
      index += used
      if (colour) next = { ...next, [code === 38 ? 'color' : 'background']: colour }
    } else {
      const field = (code >= 40 && code <= 47) || code >= 100 ? 'background' : 'color'
      const colour = paletteColour(code % 10, code >= 90)
      const known = (code >= 30 && code <= 47) || (code >= 90 && code <= 107)
      if (known && colour) next = { ...next, [field]: colour }
    }
  }
  return next
}

function without(look: Look, ...fields: readonly (keyof Look)[]): Look {
  return Object.fromEntries(Object.entries(look).filter(([field]) => !fields.includes(field as keyof Look)))
}

function paletteColour(index: number, bright: boolean): string | undefined {
  const name = names[index]
  if (!name) return undefined
  return bright && name === 'black' ? 'var(--berth-text-faint)' : `var(--berth-ansi-${name})`
}

/** What follows 38 or 48: `5;n` or `2;r;g;b`. Also tells how many codes it used. */
function extendedColour(codes: readonly number[]): [colour: string | undefined, used: number] {
  const [kind, first = 0, second = 0, third = 0] = codes
  if (kind === 2) return [`rgb(${first} ${second} ${third})`, 4]
  if (kind !== 5) return [undefined, 0]
  if (first < 16) return [paletteColour(first % 8, first >= 8), 2]
  if (first >= 232) {
    const grey = 8 + (first - 232) * 10
    return [`rgb(${grey} ${grey} ${grey})`, 2]
  }
  const level = (part: number) => (part === 0 ? 0 : 55 + part * 40)
  const cube = first - 16
  return [`rgb(${level(Math.floor(cube / 36))} ${level(Math.floor(cube / 6) % 6)} ${level(cube % 6)})`, 2]
}
