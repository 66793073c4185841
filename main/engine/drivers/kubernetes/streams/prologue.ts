/**
 * The environment of a process, as the first lines of its input. The command of an exec is part of its URL, which the
 * API server's audit log keeps, and is seen in the pod's process list until the process is in its place; the input is
 * neither. It is sent together with the request, so that it costs no round trip.
 */
export interface Prologue {
  readonly input: Buffer
  /**
   * With a terminal: what is printed once the input was read. A terminal repeats what is written to it, so that what
   * comes before is not the process's own; and what is typed meanwhile waits, as the process may turn the echo off.
   */
  readonly told?: Buffer
}

const IDENTIFIER = /^[A-Za-z_][A-Za-z0-9_]*$/

/** Characters of a line. A terminal hands on lines of 4095 bytes at most; one character is at most four. */
const LINE = 900

/**
 * Lines of `sh` that read a prologue. `read` takes one byte at a time, so that all that follows stays for the process.
 * Names begin as no environment's do: assigning to a variable that came from there would change it.
 */
export const readPrologue = `berth_code=
berth_line=
berth_newline='
'
while IFS= read -r berth_line && [ "$berth_line" != . ]; do berth_code=$berth_code\${berth_line#+}; done
[ "$berth_line" = . ] || exit 126
eval "$berth_code"`

/** Undefined where there is nothing to set. `told`: see {@link Prologue}; of letters and digits. */
export function prologueOf(env: Readonly<Record<string, string>>, told?: string): Prologue | undefined {
  const code: string[] = []
  const odd: string[] = []
  for (const [name, value] of Object.entries(env)) {
    if (IDENTIFIER.test(name)) code.push(`export ${name}=${encoded(value)}`)
    else odd.push(encoded(`${name}=${value}`))
  }
  // A shell has no variables of such names, and some drop them.
  if (odd.length > 0) code.push(`set -- env ${odd.join(' ')} "$@"`)
  if (code.length === 0) return undefined
  const characters = [...code.join('; ')]
  const lines: string[] = []
  for (let at = 0; at < characters.length; at += LINE)
    lines.push(`+${characters.slice(at, at + LINE).join('')}`)
  return {
    input: Buffer.from(`${lines.join('\n')}\n.\n`),
    ...(told !== undefined && { told: Buffer.from(told) }),
  }
}

/** A word of `sh` for any text, without what ends a line, or means something to a terminal. */
function encoded(text: string): string {
  const word = text.replace(/['\p{Cc}]/gu, (character) => {
    if (character === "'") return `'\\''`
    if (character === '\n') return `'"$berth_newline"'`
    return `'"$(printf '${octal(character)}')"'`
  })
  return `'${word}'`
}

function octal(character: string): string {
  return [...Buffer.from(character)].map((byte) => `\\${byte.toString(8).padStart(3, '0')}`).join('')
}
