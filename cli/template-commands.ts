import { type Command, Option } from 'commander'
import type { CommandAction, CommonOptions } from './execute'

type Execute = (options: CommonOptions, action: CommandAction) => Promise<void>
/** See program.ts. */
type Define = (program: Command, usage: string, description: string, examples: readonly string[]) => Command

const json = () => new Option('--json', 'one JSON document on stdout, see docs/cli.md')
const from = () =>
  new Option('--from <repository>', 'a git repository of templates, with #branch if you like')
const option = () =>
  new Option('-o, --option <key=value>', 'a choice that the template leaves; repeatable').argParser(append)

/** `berth templates` and `berth new`, and what `berth up` has of them. */
export function addTemplates(program: Command, go: Execute, define: Define): void {
  define(program, 'templates', 'Show what a new repository can begin with.', [
    'berth templates',
    'berth templates python data',
    'berth templates --from https://github.com/devcontainers/templates',
  ])
    .argument('[words...]', 'only those that have to do with these')
    .addOption(from())
    .option('--refresh', 'fetch repositories of templates anew')
    .addOption(json())
    .action((words, options) =>
      go(options, async (context) =>
        (await import('./commands/templates')).templates(context, words, options),
      ),
    )
  define(program, 'new', 'Make a new repository of a template, in a new or an empty folder.', [
    'berth new python-streamlit',
    'berth new node ~/projects/api --option nodeVersion=24',
    'berth new debian box --from https://github.com/devcontainers/templates',
  ])
    .argument('<template>', 'see `berth templates`')
    .argument('[folder]', "new or empty; otherwise one here, with the template's name")
    .addOption(option())
    .addOption(
      new Option('--omit <path>', 'leave an optional path of the template out; repeatable').argParser(append),
    )
    .addOption(from())
    .addOption(json())
    .action((template, folder, options) =>
      go(options, async (context) =>
        (await import('./commands/templates')).newRepository(context, template, folder, options),
      ),
    )
  program.commands
    .find((command) => command.name() === 'up')
    ?.optionsGroup('From a template:')
    .option('--template <template>', 'use its definition in place of what the source has')
    .addOption(option())
    .addOption(from())
}

function append(value: string, previous: readonly string[] | undefined): string[] {
  return [...(previous ?? []), value]
}
