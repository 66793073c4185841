const IDENTIFIER = /^[A-Za-z_][A-Za-z0-9_]*$/
/** Of the shell itself, of the account, or Berth's own. */
const own = /^(?:_|PWD|OLDPWD|SHLVL|HOME|USER|LOGNAME|SHELL|TERM|BERTH_.*)$/
/** Of one variable, in bytes: Linux takes no argument and no variable of more than 128 KiB. */
const LONGEST = 64 * 1024
/** Of all together, in bytes. */
const TOTAL = 256 * 1024

/**
 * What a shell changes of the environment that it gets, out of what was printed, split at its marks: something, the
 * environment before, something, the one after, something. Undefined where that is not what was printed.
 */
export function changedVariables(
  parts: readonly string[],
  isRoot: boolean,
): Record<string, string> | undefined {
  const [, given, , shell, end] = parts
  if (given === undefined || shell === undefined || end === undefined) return undefined
  const before = new Map(entriesOf(given))
  const after = new Map(entriesOf(shell))
  if (after.size === 0) return undefined
  const merged = mergePath(after.get('PATH'), before.get('PATH'), isRoot)
  if (merged !== undefined) after.set('PATH', merged)
  const changed: [string, string][] = []
  let total = 0
  for (const [name, value] of after) {
    if (before.get(name) === value || own.test(name) || !IDENTIFIER.test(name)) continue
    const size = Buffer.byteLength(value) + name.length + 2
    if (size > LONGEST || total + size > TOTAL) continue
    total += size
    changed.push([name, value])
  }
  return Object.fromEntries(changed)
}

function entriesOf(text: string): [string, string][] {
  return text.split('\0').flatMap((line): [string, string][] => {
    const at = line.indexOf('=')
    return at > 0 ? [[line.slice(0, at), line.slice(at + 1)]] : []
  })
}

/** What /etc/profile of Debian and of Alpine puts PATH back to, whatever it was. */
const resets = [
  '/usr/local/bin:/usr/bin:/bin:/usr/local/games:/usr/games',
  '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
]

/** As if /etc/profile had left PATH alone, which is how the dev container tool has it. */
function withoutReset(shell: string, container: string): string {
  const reset = resets.find((one) => `:${shell}:`.includes(`:${one}:`))
  if (reset === undefined || container === '') return shell
  return `:${shell}:`.replace(`:${reset}:`, () => `:${container}:`).slice(1, -1)
}

/**
 * The shell's PATH with what the container's has beside it, each in the place that it has there: login files put PATH
 * back to the distribution's own, and would hide a tool that the image was made for. Folders of the administrator are
 * added for root alone.
 */
export function mergePath(
  shell: string | undefined,
  container: string | undefined,
  isRoot: boolean,
): string | undefined {
  if (shell === undefined || container === undefined) return shell ?? container
  const merged = withoutReset(shell, container).split(':')
  let at = 0
  for (const folder of container.split(':')) {
    const found = merged.indexOf(folder)
    if (found >= 0) at = found + 1
    else if (folder !== '' && (isRoot || !/\/sbin(?:\/|$)/.test(folder))) {
      merged.splice(at, 0, folder)
      at += 1
    }
  }
  return merged.join(':')
}
