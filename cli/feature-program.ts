import { type Command, Option } from 'commander'
import type { Definer } from './policy-program'

const json = () => new Option('--json', 'one JSON document on stdout, see docs/cli.md')

/** `berth features …`. */
export function addFeatures(program: Command, { define, go }: Definer): void {
  const group = program
    .command('features')
    .description('Keep the Features of a devcontainer.json at the versions that they have now.')
    .enablePositionalOptions()
  define(group, 'lock', 'Write the lock file of its Features, as they are published now.', [
    'berth features lock',
    'berth features lock ~/src/project --dry-run',
  ])
    .argument('[folder]', 'of the project', '.')
    .option('-d, --definition <path>', 'definition file, where the folder has several')
    .option('--dry-run', 'print the lock file and write nothing')
    .addOption(json())
    .action((folder, options) =>
      go(options, async (context) => (await import('./commands/features')).lock(context, folder, options)),
    )
  define(group, 'check', 'Whether the lock file says what is published now. For CI, too.', [
    'berth features check',
  ])
    .argument('[folder]', 'of the project', '.')
    .option('-d, --definition <path>', 'definition file, where the folder has several')
    .addOption(json())
    .action((folder, options) =>
      go(options, async (context) => (await import('./commands/features')).check(context, folder, options)),
    )
}
