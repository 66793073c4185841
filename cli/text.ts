import { stripVTControlCharacters } from 'node:util'

/** Control characters but tab and line feed (general category Cc). */
const controls = /[^\P{Cc}\t\n]/gu
/** What turns the direction of writing, and so shows another text than there is. */
const directions = /[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g
/** The colours that {@link style} gives. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
const ownColours = /(\u001b\[(?:1|2|22|31|32|33|36|39)m)/
const wide =
  /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{1f300}-\u{1faff}\u{20000}-\u{3fffd}]/u
const invisible = /\p{Mark}|\p{Default_Ignorable_Code_Point}/u

/** Takes out what could move the cursor, change colours or otherwise drive the reader's terminal. Keeps tab and line feed. */
export function printable(text: string): string {
  return stripVTControlCharacters(text).replace(controls, '').replace(directions, '')
}

/** The same for a line of Berth's own, which may have colours of {@link style}. */
export function printableLine(line: string): string {
  return line
    .split(ownColours)
    .map((part, index) => (index % 2 === 1 ? part : printable(part)))
    .join('')
}

/** Columns that a text takes on a terminal (East Asian wide characters and emoji count two). */
export function width(text: string): number {
  let columns = 0
  for (const character of text) columns += invisible.test(character) ? 0 : wide.test(character) ? 2 : 1
  return columns
}

/** Cuts a text to at most `columns`, with an ellipsis where something is missing. */
export function truncate(text: string, columns: number): string {
  if (width(text) <= columns) return text
  let result = ''
  let used = 0
  for (const character of text) {
    const next = width(character)
    if (used + next > columns - 1) break
    result += character
    used += next
  }
  return columns > 0 ? `${result}…` : ''
}

/** Left-aligned columns with two spaces between; the last column is not padded. Empty for no rows. */
export function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const all = [header, ...rows].map((row) => row.map((cell) => printable(cell).replaceAll('\n', ' ')))
  const widths = header.map((_, index) => Math.max(...all.map((row) => width(row[index] ?? ''))))
  return all
    .map((row) =>
      row
        .map((cell, index) =>
          index === row.length - 1 ? cell : cell + ' '.repeat((widths[index] ?? 0) - width(cell)),
        )
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}

const byteUnits = ['B', 'kB', 'MB', 'GB', 'TB'] as const

/** `1.5 MB`: decimal units, as `docker` prints them. */
export function bytes(count: number): string {
  let value = count
  let unit = 0
  while (value >= 999.5 && unit < byteUnits.length - 1) {
    value /= 1000
    unit += 1
  }
  return `${unit === 0 || value >= 99.95 ? value.toFixed(0) : value.toFixed(1)} ${byteUnits[unit]}`
}

/** `0.4 s`, `12 s`, `3 min 5 s`, `2 h 10 min`, `4 d`. */
export function duration(milliseconds: number): string {
  const seconds = Math.max(0, milliseconds) / 1000
  if (seconds < 10) return `${seconds.toFixed(1)} s`
  if (seconds < 60) return `${Math.floor(seconds)} s`
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${Math.floor(seconds % 60)} s`
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min`
  return `${Math.floor(seconds / 86_400)} d`
}

export interface Style {
  readonly bold: (text: string) => string
  readonly dim: (text: string) => string
  readonly red: (text: string) => string
  readonly green: (text: string) => string
  readonly yellow: (text: string) => string
  readonly cyan: (text: string) => string
}

/** ANSI colours, or nothing at all. */
export function style(color: boolean): Style {
  const wrap = (open: number, close: number) => (text: string) =>
    color ? `\u001b[${open}m${text}\u001b[${close}m` : text
  return {
    bold: wrap(1, 22),
    dim: wrap(2, 22),
    red: wrap(31, 39),
    green: wrap(32, 39),
    yellow: wrap(33, 39),
    cyan: wrap(36, 39),
  }
}
