/** What of an instruction's line says that lines of text follow it. */
export interface HereDocuments {
  readonly opened: readonly { readonly end: string; readonly isIndented: boolean }[]
  /** Something in it may be a here-document for one builder and none for another. */
  readonly isUnclear: boolean
}

/**
 * The here-documents that a line opens, as BuildKit finds them (moby/buildkit, frontend/dockerfile/parser): words of
 * their own, `<<EOF`, `3<<-"EOF"`; neither a part of a word (`cat<<EOF`) nor what is within quotes.
 */
export function hereDocumentsOf(line: string, escaping: string): HereDocuments {
  if (!line.includes('<<')) return { opened: [], isUnclear: false }
  const { words, isWhole } = wordsOf(line, escaping)
  const opened: { end: string; isIndented: boolean }[] = []
  let isUnclear = !isWhole
  for (const word of words) {
    const found = /^\d*<<(-?)([^<]+)$/.exec(word)
    if (!found) continue
    const named = /^(["']?)([A-Za-z_][\w.-]*)\1$/.exec(found[2] ?? '')
    if (named?.[2] === undefined) isUnclear = true
    else opened.push({ end: named[2], isIndented: found[1] === '-' })
  }
  return { opened, isUnclear }
}

/** The words of a line as a shell divides it, with their quotes. `isWhole` false: a quote is not closed. */
function wordsOf(
  line: string,
  escaping: string,
): { readonly words: readonly string[]; readonly isWhole: boolean } {
  const words: string[] = []
  let begin = -1
  let quote = ''
  for (let at = 0; at < line.length; at++) {
    const char = line[at] ?? ''
    if (quote === '' && /\s/.test(char)) {
      if (begin >= 0) words.push(line.slice(begin, at))
      begin = -1
      continue
    }
    if (begin < 0) begin = at
    if (char === escaping && quote !== "'") at++
    else if (quote === '' && (char === '"' || char === "'")) quote = char
    else if (char === quote) quote = ''
  }
  if (begin >= 0) words.push(line.slice(begin))
  return { words, isWhole: quote === '' }
}
