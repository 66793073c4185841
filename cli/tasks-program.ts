import { type Command, Option } from 'commander'
import type { CommandAction, CommonOptions } from './execute'

/** Makes a command with the options that all have, and its examples below the help. */
type Define = (program: Command, usage: string, description: string, examples: readonly string[]) => Command

/** `berth tasks` with what is below it. */
export function addTasks(
  program: Command,
  define: Define,
  go: (options: CommonOptions, action: CommandAction) => Promise<void>,
): void {
  const json = () => new Option('--json', 'one JSON document on stdout, see docs/cli.md')
  const all = define(program, 'tasks', 'Show what the definition of a workspace has to run, or run it.', [
    'berth tasks project',
    'berth tasks run project test',
    'berth tasks run project server --background',
  ])
    // What follows `run` is its own.
    .enablePositionalOptions()
    .argument('<workspace>', 'name, id, or a beginning of either')
    .addOption(json())
    .action((workspace, options) =>
      go(options, async (context) => (await import('./commands/tasks')).listTasks(context, workspace)),
    )
  define(all, 'run', 'Run a task to its end, with its exit code.', [
    'berth tasks run project test',
    'berth tasks run project test </dev/null >log',
    'berth tasks run project server --background',
  ])
    .argument('<workspace>', 'name, id, or a beginning of either')
    .argument('<task>', 'its name or label, as `berth tasks` shows it')
    .option(
      '-b, --background',
      'in a terminal of its own in the workspace, which goes on without this command',
    )
    .option('--no-tty', 'without a terminal, also where this command has one')
    .addOption(json())
    .action((workspace, task, options) =>
      go(options, async (context) =>
        (await import('./commands/tasks')).runTask(context, workspace, task, options),
      ),
    )
}
