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

interface Line {
  readonly text: string
  readonly start: number
}

/**
 * A Dockerfile's instructions (Dockerfile reference): lines are continued by `\`, or by what `# escape=` names;
 * comments and empty lines within do not end them, and the bodies of here-documents are skipped.
 */
export function* instructionsOf(text: string): Generator<Instruction> {
  const lines = linesOf(text)
  const { continuing, next } = directivesOf(lines)
  for (let at = next; at < lines.length; ) {
    const { text: first = '' } = lines[at] ?? {}
    if (isSkipped(first)) {
      at++
      continue
    }
    const chars: string[] = []
    const places: number[] = []
    for (let isOpen = true; isOpen && at < lines.length; at++) {
      const line = lines[at]
      if (!line || (chars.length > 0 && isSkipped(line.text))) continue
      const trimmed = line.text.trimEnd()
      isOpen = trimmed.endsWith(continuing)
      const kept = isOpen ? trimmed.slice(0, -1) : line.text
      for (let column = 0; column < kept.length; column++) {
        chars.push(kept[column] ?? '')
        places.push(line.start + column)
      }
    }
    const instruction = split(chars.join(''), places)
    if (!instruction) continue
    if (/^(?:RUN|COPY|ADD)$/.test(instruction.name)) at = afterHereDocuments(lines, at, chars.join(''))
    yield instruction
  }
}

function isSkipped(line: string): boolean {
  const begin = line.trimStart()
  return begin === '' || begin.startsWith('#')
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
  for (const { 0: text, index } of logical.matchAll(/(?:"[^"]*"|'[^']*'|[^\s"'])+|["']/g)) {
    const start = places[index]
    const last = places[index + text.length - 1]
    if (start !== undefined && last !== undefined) words.push({ text, start, end: last + 1 })
  }
  const [name, ...rest] = words
  return name && /^[A-Za-z]+$/.test(name.text) ? { name: name.text.toUpperCase(), words: rest } : undefined
}

/** The line after the bodies of the here-documents that an instruction opens; without an end there are none. */
function afterHereDocuments(lines: readonly Line[], from: number, logical: string): number {
  let at = from
  for (const [, dash, , end] of logical.matchAll(/(?<!<)<<(-?)(["']?)([A-Za-z_]\w*)\2/g)) {
    const found = lines.findIndex(
      ({ text }, index) => index >= at && (dash ? text.replace(/^\t+/, '') : text).replace(/\r$/, '') === end,
    )
    if (found < 0) return at
    at = found + 1
  }
  return at
}
