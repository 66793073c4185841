import { type Command, InvalidArgumentError, Option } from 'commander'
import type { CommandAction, CommonOptions } from './execute'

/** Makes a command with the options that all have, and its examples below the help. */
type Define = (program: Command, usage: string, description: string, examples: readonly string[]) => Command

/** `berth prebuild` with what is below it. */
export function addPrebuilds(
  program: Command,
  define: Define,
  go: (options: CommonOptions, action: CommandAction) => Promise<void>,
): void {
  const target = () =>
    new Option('-t, --target <target>', 'the Docker engine or cluster, see `berth targets`')
  const pushTo = (description: string) => new Option('--push-to <repository>', description)
  const json = () => new Option('--json', 'one JSON document on stdout, see docs/cli.md')
  const all = define(
    program,
    'prebuild',
    'Do ahead what every new workspace of a repository would do once, so that `up` starts in seconds.',
    [
      'berth prebuild https://github.com/owner/project',
      'berth prebuild https://github.com/owner/project --branch next --force',
      'berth prebuild https://github.com/owner/project --target kubernetes:prod/team --push-to registry.example.com/team/app',
      'berth prebuild list',
      'berth prebuild remove --older-than 14',
    ],
  )
    // What follows `list` or `remove` is theirs.
    .enablePositionalOptions()
    .argument('[source]', 'git URL (also url#branch and url@commit)')
    .option('-i, --image <image>', 'use this image and not what the definition says, as `up --image` does')
    .addOption(target())
    .option('-b, --branch <branch>', 'branch of the repository')
    .option('-d, --definition <path>', 'definition file, where the source has several')
    .option('-f, --force', 'make it anew where there is one of this commit')
    .option('--builder <target>', 'for a cluster: the Docker engine that makes it')
    .addOption(pushTo('for a cluster: where it goes, such as registry.example.com/team/workspaces'))
    .addOption(json())
    .action((source, options) =>
      go(options, async (context) =>
        (await import('./commands/prebuild')).prebuild(context, source, options),
      ),
    )
  define(all, 'list', 'Show the prebuilds of all Docker engines, or of one target.', [
    'berth prebuild list --json',
    'berth prebuild list --target kubernetes:prod/team',
  ])
    .addOption(target())
    .addOption(pushTo('for a cluster: the repository that has them'))
    .addOption(json())
    .action((options) =>
      go(options, async (context) => (await import('./commands/prebuild')).listPrebuilds(context, options)),
    )
  define(all, 'remove', 'Remove prebuilds. Workspaces that were made from them go on.', [
    'berth prebuild remove 0a1b2c3d4e5f',
    'berth prebuild remove --older-than 14',
  ])
    .argument('[id]', 'as `berth prebuild list` shows it, or a beginning of it')
    .option('--older-than <days>', 'all that were made more than so many days ago', daysOf)
    .addOption(target())
    .addOption(pushTo('for a cluster: the repository that has them'))
    .addOption(json())
    .action((id, options) =>
      go(options, async (context) =>
        (await import('./commands/prebuild')).removePrebuilds(context, id, options),
      ),
    )
}

function daysOf(text: string): number {
  if (!/^\d{1,5}$/.test(text)) throw new InvalidArgumentError('It has to be a number of days.')
  return Number(text)
}
