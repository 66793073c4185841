import { type Command, Option } from 'commander'
import type { CommandAction, CommonOptions } from './execute'

type Execute = (options: CommonOptions, action: CommandAction) => Promise<void>

const json = () => new Option('--json', 'one JSON document on stdout, see docs/cli.md')
const append = (value: string, before: readonly string[] = []): readonly string[] => [...before, value]

/** Adds `berth data …`. */
export function addData(program: Command, go: Execute): void {
  const data = program
    .command('data')
    .description(
      'Snapshots of the data of workspaces: take them, restore them, copy data between workspaces.',
    )
    .enablePositionalOptions()
  const define = (usage: string, description: string, examples: readonly string[]) =>
    data
      .command(usage)
      .description(description)
      .option('-q, --quiet', 'no progress on stderr')
      .addOption(json())
      .addHelpText('after', `\nExamples:\n${examples.map((line) => `  ${line}`).join('\n')}`)
  const module = () => import('./commands/data')

  define('list', 'Show the data volumes and snapshots of a workspace, or all snapshots there are.', [
    'berth data list',
    'berth data list project',
  ])
    .alias('ls')
    .argument('[workspace]')
    .action((workspace, options) => go(options, async (context) => (await module()).list(context, workspace)))
  define('snapshot', 'Take a snapshot of the data of a workspace. What uses it rests meanwhile.', [
    'berth data snapshot project',
    'berth data snapshot project --name "before the migration"',
  ])
    .argument('<workspace>')
    .option('-n, --name <name>', 'what to call it; the branch of the source otherwise')
    .option('--volume <name>', 'only this data volume; repeatable', append)
    .action((workspace, options) =>
      go(options, async (context) => (await module()).snapshot(context, workspace, options)),
    )
  const puts = (command: Command) =>
    command
      .option('--snapshot-first', 'keep what is there in a snapshot')
      .option('-y, --yes', 'do not ask; needed where there is no terminal')
  puts(
    define('restore', 'Make the data of a workspace what it is in a snapshot of it.', [
      'berth data restore project latest',
      'berth data restore project s0123456789a --snapshot-first',
    ]),
  )
    .argument('<workspace>')
    .argument('<snapshot>', 'id or name of a snapshot, or latest')
    .action((workspace, which, options) =>
      go(options, async (context) => (await module()).restore(context, workspace, which, options)),
    )
  puts(
    define(
      'clone',
      'Copy the data of a workspace, or of a snapshot of it, into another one, on any target.',
      ['berth data clone project project-next', 'berth data clone project@latest project-next --yes'],
    ),
  )
    .argument('<from>', 'workspace, or workspace@snapshot')
    .argument('<to>', 'workspace')
    .action((from, to, options) =>
      go(options, async (context) => (await module()).clone(context, from, to, options)),
    )
  define('remove', 'Remove a snapshot.', ['berth data remove s0123456789a'])
    .alias('rm')
    .argument('<snapshot>', 'its id')
    .option('-y, --yes', 'do not ask; needed where there is no terminal')
    .action((snapshot, options) =>
      go(options, async (context) => (await module()).remove(context, snapshot, options)),
    )
}
