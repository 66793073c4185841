import { type Command, Option } from 'commander'
import type { Execute } from './program'

type Define = (program: Command, usage: string, description: string, examples: readonly string[]) => Command

/** `berth env`: adds it to the program. `define` makes a command with the options that all have. */
export function addVariables(program: Command, go: Execute, define: Define): void {
  const all = define(program, 'env', 'Variables and secrets of your own in workspaces.', [
    'berth env list --workspace project',
    'berth env set EDITOR=vim',
    'berth env set API_TOKEN --secret --project https://github.com/owner/project',
    'berth env unset API_TOKEN --project https://github.com/owner/project',
  ])
  const scoped = (command: Command) =>
    command
      .option('--user', 'for all of your workspaces; so it is without one of these')
      .option('--project <source>', 'for workspaces of this git URL, folder or image')
      .option('--workspace <workspace>', 'for this one; it goes before the project, and that before you')
  scoped(define(all, 'list', 'Show what is set. Values of secrets are never shown.', ['berth env list']))
    .addOption(new Option('--json', 'one JSON document on stdout, see docs/cli.md'))
    .action((options) =>
      go(options, async (context) => (await import('./commands/env')).listVariables(context, options)),
    )
  scoped(
    define(all, 'set', 'Set a variable. Its value is an argument, or comes on stdin, or is asked for.', [
      'berth env set EDITOR=vim',
      'berth env set API_TOKEN --secret < token',
    ]),
  )
    .argument('<NAME[=value]>', 'of a secret the name alone')
    .option('--secret', "keep it in this system's keychain, and show it nowhere")
    .action((text, options) =>
      go(options, async (context) => (await import('./commands/env')).setVariable(context, text, options)),
    )
  scoped(define(all, 'unset', 'Take a variable away again.', ['berth env unset EDITOR']))
    .argument('<NAME>')
    .action((name, options) =>
      go(options, async (context) => (await import('./commands/env')).unsetVariable(context, name, options)),
    )
}
