/** The image that a Dockerfile names to read it by, in place of the reader that BuildKit has built in. */
export interface SyntaxLine {
  readonly image: string
  /** Where the image's name is in the text, in characters. */
  readonly start: number
  readonly end: number
  /** The whole line, without its end. */
  readonly line: { readonly start: number; readonly end: number }
}

/**
 * `# syntax=docker/dockerfile:1` (Dockerfile reference, "Parser directives"): counts only among directives, which stand
 * before all else. The text has a character for each byte, or more.
 */
export function syntaxLine(text: string): SyntaxLine | undefined {
  let at = text.startsWith('\uFEFF') ? 1 : text.startsWith('\xEF\xBB\xBF') ? 3 : 0
  while (at < text.length) {
    const newline = text.indexOf('\n', at)
    const end = newline < 0 ? text.length : newline
    const found = /^(\s*#\s*([A-Za-z]+)\s*=\s*)(\S+)/.exec(text.slice(at, end))
    if (!found) return undefined
    const [, before = '', name = '', image = ''] = found
    if (name.toLowerCase() === 'syntax') {
      const start = at + before.length
      return { image, start, end: start + image.length, line: { start: at, end } }
    }
    at = end + 1
  }
  return undefined
}

/** The text with another image in its syntax line. */
export function exchangeSyntax(text: string, image: string): string {
  const found = syntaxLine(text)
  return found ? text.slice(0, found.start) + image + text.slice(found.end) : text
}

/** The text without its syntax line. Line numbers stay: an empty line follows the directives that are left. */
export function withoutSyntax(text: string): string {
  const found = syntaxLine(text)
  if (!found) return text
  const before = text.slice(0, found.line.start)
  const lines = text.slice(Math.min(found.line.end + 1, text.length)).split('\n')
  const first = lines.findIndex((line) => !/^\s*#\s*(?:escape|check)\s*=/i.test(line))
  lines.splice(first < 0 ? lines.length : first, 0, '')
  return before + lines.join('\n')
}

/** Whether the registry's answer for a Dockerfile's reader is what a step failed at. */
export function isSyntaxStep(name: string, image: string): boolean {
  const short = image.replace(/^docker\.io\//, '').split('@', 1)[0] ?? ''
  return /^resolve image config for |^docker-image:\/\//.test(name) && short !== '' && name.includes(short)
}
