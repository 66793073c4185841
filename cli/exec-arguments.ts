/** Options of `exec` that take a value in the next argument. */
const withValue = new Set(['-u', '--user', '-w', '--workdir', '-e', '--env', '--service'])

/**
 * Puts `--` between the workspace and the command where the user left it out, so that the command's own options stay
 * its own: `exec demo ls -la` means `exec demo -- ls -la`.
 */
export function separateCommand(args: readonly string[]): string[] {
  let operands = 0
  for (let index = 0; index < args.length; index += 1) {
    const argument = args[index] ?? ''
    if (argument === '--') return [...args]
    if (withValue.has(argument)) index += 1
    else if (!argument.startsWith('-') || argument === '-') {
      operands += 1
      if (operands === 2) return [...args.slice(0, index), '--', ...args.slice(index)]
    }
  }
  return [...args]
}
