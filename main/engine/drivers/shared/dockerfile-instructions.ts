import { type HereDocuments, hereDocumentsOf } from './dockerfile-here-documents'

/** A word of an instruction, without the line ends that run through it. */
export interface Word {
  readonly text: string
  /** Where it is in the file, in characters. */
  readonly start: number
  readonly end: number
}

/** An instruction with the words that follow its name. */
export interface Instruction {
  /** In capitals. */
  readonly name: string
  readonly words: readonly Word[]
}

/** A line as it is once continued lines are one. */
export interface LogicalLine {
  readonly text: string
  /** Where it begins in the file, in characters. */
  readonly start: number
  /** Absent: it begins with no name. */
  readonly instruction: Instruction | undefined
  /** Where the bodies of its here-documents are, in characters. */
  readonly body?: { readonly start: number; readonly end: number }
}

interface Line {
  readonly text: string
  readonly start: number
}

/**
 * A Dockerfile's instructions (Dockerfile reference): lines are continued by `\`, or by what `# escape=` names;
 * comments and empty lines within do not end them, and the bodies of here-documents are skipped.
 */
export function* instructionsOf(text: string): Generator<Instruction> {
  for (const { instruction } of logicalLinesOf(text)) if (instruction) yield instruction
}

/** The lines of a Dockerfile; `hereDocuments` false: as builders read it that know none. */
export function* logicalLinesOf(
  text: string,
  { hereDocuments = true }: { readonly hereDocuments?: boolean } = {},
): Generator<LogicalLine> {
  const lines = linesOf(text)
  const { continuing, next } = directivesOf(lines)
  const continued = continuing === '`' ? /`[ \t]*\r?$/ : /\\[ \t]*\r?$/
  const missing = new Set<string>()
  for (let at = next; at < lines.length; ) {
    const { text: first = '', start = 0 } = lines[at] ?? {}
    if (isSkipped(first)) {
      at++
      continue
    }
    const chars: string[] = []
    const places: number[] = []
    for (let isOpen = true; isOpen && at < lines.length; at++) {
      const line = lines[at]
      if (!line || (chars.length > 0 && isSkipped(line.text))) continue
      const open = continued.exec(line.text)
      isOpen = open !== null
      const kept = open ? line.text.slice(0, open.index) : line.text
      for (let column = 0; column < kept.length; column++) {
        chars.push(kept[column] ?? '')
        places.push(line.start + column)
      }
    }
    const logical = chars.join('')
    const instruction = split(logical, places)
    const after =
      hereDocuments && instruction && mayHaveBody(instruction)
        ? afterHereDocuments(lines, at, hereDocumentsOf(logical, continuing), missing)
        : at
    const placeOf = (index: number) => lines[index]?.start ?? text.length
    const body = { start: placeOf(at), end: placeOf(after) }
    yield { text: logical, start, instruction, ...(after > at && { body }) }
    at = after
  }
}

/** What continues lines in a Dockerfile, and keeps characters from meaning something else. */
export function escapeOf(text: string): string {
  return directivesOf(linesOf(text)).continuing
}

/** Whether here-documents can follow an instruction, also one that runs in a later build. */
export function mayHaveBody({ name, words }: Instruction): boolean {
  const inner = name === 'ONBUILD' ? (words[0]?.text.toUpperCase() ?? '') : name
  return /^(?:RUN|COPY|ADD)$/.test(inner)
}

// No other white space than this counts as such for a builder that reads bytes.
function isSkipped(line: string): boolean {
  return /^[\t\v\f\r ]*(?:#|$)/.test(line)
}

function linesOf(text: string): Line[] {
  const lines: Line[] = []
  // A byte order mark, as UTF-8 has it, in one character or in three.
  let start = text.startsWith('\uFEFF') ? 1 : text.startsWith('\xEF\xBB\xBF') ? 3 : 0
  while (start <= text.length) {
    const end = text.indexOf('\n', start)
    lines.push({ text: text.slice(start, end < 0 ? text.length : end), start })
    if (end < 0) break
    start = end + 1
  }
  return lines
}

/** Directives stand before all else, also before comments. */
function directivesOf(lines: readonly Line[]): { readonly continuing: string; readonly next: number } {
  let continuing = '\\'
  let next = 0
  for (const { text } of lines) {
    const found = /^\s*#\s*(syntax|escape|check)\s*=\s*(\S.*)$/i.exec(text.trimEnd())
    if (!found) break
    if (found[1]?.toLowerCase() === 'escape' && (found[2] === '`' || found[2] === '\\')) continuing = found[2]
    next++
  }
  return { continuing, next }
}

function split(logical: string, places: readonly number[]): Instruction | undefined {
  const words: Word[] = []
  for (const { 0: text, index } of logical.matchAll(/(?:"[^"]*"|'[^']*'|[^\t\v\f\r "'])+|["']/g)) {
    const start = places[index]
    const last = places[index + text.length - 1]
    if (start !== undefined && last !== undefined) words.push({ text, start, end: last + 1 })
  }
  const [name, ...rest] = words
  return name && /^[A-Za-z]+$/.test(name.text) ? { name: name.text.toUpperCase(), words: rest } : undefined
}

/**
 * The line after the bodies of here-documents; without an end there are none. `missing`: ends that the rest of the file
 * does not have, so that nobody looks for them again.
 */
function afterHereDocuments(
  lines: readonly Line[],
  from: number,
  { opened }: HereDocuments,
  missing: Set<string>,
): number {
  let at = from
  for (const { end, isIndented } of opened) {
    const key = `${isIndented}${end}`
    if (missing.has(key)) return at
    let found = at
    while (found < lines.length && !isEnd(lines[found]?.text ?? '', end, isIndented)) found++
    if (found === lines.length) {
      missing.add(key)
      return at
    }
    at = found + 1
  }
  return at
}

function isEnd(line: string, end: string, isIndented: boolean): boolean {
  return (isIndented ? line.replace(/^\t+/, '') : line).replace(/\r$/, '') === end
}
