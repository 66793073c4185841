/**
 * Splits a line into words as a shell does: quotes and backslashes group and escape, nothing is filled in. Undefined
 * where a quote is not closed.
 */
export function splitWords(line: string): string[] | undefined {
  const words: string[] = []
  let word: string | undefined
  let quote = ''
  for (let at = 0; at < line.length; at++) {
    const character = line.charAt(at)
    const next = line.charAt(at + 1)
    if (quote !== '') {
      if (character === quote) quote = ''
      else if (quote === '"' && character === '\\' && '$`"\\\n'.includes(next) && next !== '') {
        if (next !== '\n') word += next
        at += 1
      } else word += character
    } else if (character === "'" || character === '"') {
      quote = character
      word ??= ''
    } else if (character === '\\') {
      if (next !== '\n') word = (word ?? '') + next
      at += 1
    } else if (' \t\n\r'.includes(character)) {
      if (word !== undefined) words.push(word)
      word = undefined
    } else word = (word ?? '') + character
  }
  if (quote !== '') return undefined
  if (word !== undefined) words.push(word)
  return words
}
