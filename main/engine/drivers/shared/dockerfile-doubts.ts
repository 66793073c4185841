import { hereDocumentsOf } from './dockerfile-here-documents'
import { hasSource } from './dockerfile-images'
import { escapeOf, type LogicalLine, logicalLinesOf, mayHaveBody } from './dockerfile-instructions'

/** A place where some builder may read a Dockerfile otherwise than Berth does. */
export interface Doubt {
  /** In characters. */
  readonly start: number
  readonly written: string
}

/** Of one file; one is enough to refuse it. */
const MOST = 20

const names =
  'add|arg|cmd|copy|entrypoint|env|expose|from|healthcheck|label|maintainer|onbuild|run|shell|stopsignal|user|volume|workdir'
const isName = new RegExp(`^(?:${names})$`, 'i')
const beginsWithName = new RegExp(`^[\\t\\v\\f\\r ]*(?:${names})[\\t\\v\\f\\r ]`, 'i')

/** Variables that builders set to what they build for, whatever default a file gives them. */
const automatic = /\$\{?(?:TARGET|BUILD)(?:PLATFORM|OS|ARCH|VARIANT)\b/

/**
 * Where builders do not agree about a Dockerfile, or where what they make of it is known to them alone, so that it may
 * name other images than `imagesOf` finds. Ordinary files have none. Made for a text of one character per byte.
 */
export function doubtsOf(text: string): Doubt[] {
  const escaping = escapeOf(text)
  const lines = [...logicalLinesOf(text)]
  const firstStage = lines.findIndex(({ instruction }) => instruction?.name === 'FROM')
  const found = lines.flatMap((line, index) => {
    const written = doubtOfLine(line, escaping, index < firstStage)
    return written === undefined ? [] : [{ start: line.start, written }]
  })
  return [
    ...found,
    ...doubtOfBodies(text, lines),
    ...doubtsOfEnds(text, lines, escaping),
    ...doubtOfEscape(text),
  ].slice(0, MOST)
}

function isInstruction({ instruction }: LogicalLine): boolean {
  return instruction !== undefined && isName.test(instruction.name)
}

function doubtOfLine(line: LogicalLine, escaping: string, isGlobal: boolean): string | undefined {
  const { text, instruction } = line
  // Builders leave out white space of any alphabet at the beginning.
  if (!instruction || !isInstruction(line)) return text
  const { name, words } = instruction
  if (mayHaveBody(instruction) && hereDocumentsOf(text, escaping).isUnclear) return text
  // What an escape makes of the words behind it is not followed here.
  if (name === 'ARG')
    return isGlobal && (/[\\`]|[\t ]["']/.test(text) || automatic.test(text)) ? text : undefined
  if (name === 'FROM')
    return words.some(({ text: word }) => !word.startsWith('--') && automatic.test(word)) ? text : undefined
  if (!mayHaveBody(instruction)) return undefined
  for (const { text: word } of name === 'ONBUILD' ? words.slice(1) : words) {
    if (!word.startsWith('--')) return undefined
    if (word.includes(escaping)) return word
    const sources = word.replace(/["']/g, '').match(/(?:^--|^--mount=|,)from=/gi)?.length ?? 0
    // Of several the last one counts; quotes within a name are no part of it.
    if (sources > (hasSource(word) ? 1 : 0)) return word
  }
  return undefined
}

/** What is in here-documents is read as instructions by builders that know none, where all of it is some. */
function doubtOfBodies(text: string, lines: readonly LogicalLine[]): Doubt[] {
  const first = lines.find(({ body }) => body)
  if (!first) return []
  for (const line of logicalLinesOf(text, { hereDocuments: false })) if (!isInstruction(line)) return []
  return [{ start: first.start, written: first.text }]
}

/**
 * An escape that is escaped continues a line for some builders. That matters where the next line is an instruction by
 * itself. A carriage return within a line ends it for some.
 */
function doubtsOfEnds(text: string, lines: readonly LogicalLine[], escaping: string): Doubt[] {
  const bodies = lines.flatMap(({ body }) => body ?? [])
  const doubled = escaping === '`' ? /``[ \t]*\r?$/ : /\\\\[ \t]*\r?$/
  const found: Doubt[] = []
  let open: Doubt | undefined
  let body = 0
  let start = 0
  for (const line of text.split('\n')) {
    const at = start
    start += line.length + 1
    while (at >= (bodies[body]?.end ?? Number.POSITIVE_INFINITY)) body++
    if (at >= (bodies[body]?.start ?? Number.POSITIVE_INFINITY)) continue
    if (/\r(?!$)/.test(line)) found.push({ start: at, written: line })
    if (/^[\t\v\f\r ]*(?:#|$)/.test(line)) continue
    if (open && beginsWithName.test(line)) found.push(open)
    open = doubled.test(line) ? { start: at, written: line } : undefined
  }
  return found
}

/** Another escape counts for all builders where it stands before all else alone, and is written plainly. */
function doubtOfEscape(text: string): Doubt[] {
  let start = /^(?:\uFEFF|\xEF\xBB\xBF)?/.exec(text)?.[0].length ?? 0
  for (const [index, line] of text.slice(start).split('\n').entries()) {
    if (!/^\s*#/.test(line)) return []
    const isEscape = /^\s*#\s*escape\s*=/i.test(line) && !/=\s*\\\s*$/.test(line)
    if (isEscape && (index > 0 || !/^#[ \t]*escape[ \t]*=[ \t]*`\r?$/i.test(line)))
      return [{ start, written: line }]
    start += line.length + 1
  }
  return []
}
