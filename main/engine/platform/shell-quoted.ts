/** A text as one word of a POSIX shell, with nothing in it for the shell to do. */
export function shellQuoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`
}
