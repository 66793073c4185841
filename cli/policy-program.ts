import type { Command } from 'commander'
import { Option } from 'commander'
import type { CommandAction, CommonOptions } from './execute'

/** As `program.ts` defines a command, and runs one. */
export interface Definer {
  define(program: Command, usage: string, description: string, examples: readonly string[]): Command
  go(options: CommonOptions, action: CommandAction): Promise<void>
}

const json = () => new Option('--json', 'one JSON document on stdout, see docs/cli.md')

/** `berth policy …`. */
export function addPolicies(program: Command, { define, go }: Definer): void {
  const group = program
    .command('policy')
    .description("Show and change where the team's policies come from, and check one.")
    .enablePositionalOptions()
  define(group, 'list', 'Show the team policies, and how current they are.', ['berth policy list'])
    .addOption(json())
    .action((options) =>
      go(options, async (context) => (await import('./commands/policy')).listPolicies(context)),
    )
  define(group, 'add', 'Let a policy of a git repository have a say.', [
    'berth policy add https://git.example.com/platform/policies',
    'berth policy add git@git.example.com:platform/policies.git --path teams/blue.yaml --branch main',
  ])
    .argument('<url>', 'git URL')
    .option('-p, --path <path>', 'of the policy in the repository; berth.yaml otherwise')
    .option('-b, --branch <branch>', "branch; the repository's default otherwise")
    .addOption(json())
    .action((url, options) =>
      go(options, async (context) => (await import('./commands/policy')).addPolicy(context, url, options)),
    )
  define(group, 'remove', 'Let it have none any more.', [
    'berth policy remove https://git.example.com/platform/policies',
  ])
    .argument('<policy>', 'its URL or its name')
    .option('-p, --path <path>', 'where a repository has several')
    .addOption(json())
    .action((policy, options) =>
      go(options, async (context) =>
        (await import('./commands/policy')).removePolicy(context, policy, options),
      ),
    )
  define(group, 'refresh', 'Read the team policies again where they come from.', ['berth policy refresh'])
    .addOption(json())
    .action((options) =>
      go(options, async (context) => (await import('./commands/policy')).refreshPolicies(context)),
    )
  define(group, 'check', 'Whether a file is a policy, and where its mistakes are. For CI, too.', [
    'berth policy check berth.yaml',
  ])
    .argument('<file>')
    .addOption(json())
    .action((file, options) =>
      go(options, async (context) => (await import('./commands/policy')).checkPolicy(context, file)),
    )
}
