/**
 * From the inspector's answer to `foreground`: the process group in the foreground of a terminal, which is the number
 * of the process that leads it. Undefined where that is the shell's own, where there is none, and where the answer is
 * not about one terminal: nobody can tell then.
 */
export function parseForeground(lines: readonly string[]): number | undefined {
  const [line, ...others] = lines
  const found = /^(\d+) (\d+)$/.exec(line ?? '')
  if (!found || others.length > 0) return undefined
  const [own, foreground] = [Number(found[1]), Number(found[2])]
  return foreground > 0 && foreground !== own ? foreground : undefined
}
