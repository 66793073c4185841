import { Command, CommanderError, InvalidArgumentError, Option } from 'commander'
import { version } from '../package.json'
import type { LifecycleVerb } from './commands/lifecycle'
import { addData } from './data-program'
import { separateCommand } from './exec-arguments'
import { type CommandAction, type CommonOptions, execute, usageProblem } from './execute'
import { exitCodes } from './exit-codes'
import { addFeatures } from './feature-program'
import { addPolicies } from './policy-program'
import { addPrebuilds } from './prebuild-program'
import { addTasks } from './tasks-program'
import { addTemplates } from './template-commands'
import { addVariables } from './variable-commands'

/** Runs the command line. Never throws; returns the exit code. */
export async function run(args: readonly string[]): Promise<number> {
  let code: number = exitCodes.ok
  const program = buildProgram(async (options, action) => {
    code = await execute(options, action)
  })
  const [first, ...rest] = args
  const given = first === 'exec' ? [first, ...separateCommand(rest)] : [...args]
  if (given.length === 0) {
    program.outputHelp({ error: true })
    return exitCodes.usage
  }
  try {
    await program.parseAsync(given, { from: 'user' })
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error
    if (error.exitCode === 0) return exitCodes.ok
    if (wantsJson(given)) {
      const message = error.message.replace(/^error: /, '')
      process.stdout.write(
        `${JSON.stringify({ problem: usageProblem(message) }, null, first === 'serve' ? 0 : 2)}\n`,
      )
    }
    return exitCodes.usage
  }
  return code
}

/** Before the options are known: a command line that cannot be read may still ask for JSON. */
function wantsJson(args: readonly string[]): boolean {
  const end = args.indexOf('--')
  return (end < 0 ? args : args.slice(0, end)).includes('--json')
}

export type Execute = (options: CommonOptions, action: CommandAction) => Promise<void>

function buildProgram(go: Execute): Command {
  const program = new Command('berth')
    .description('Ready-to-code workspaces on any Docker engine and any Kubernetes cluster you can reach.')
    .version(version, '-v, --version')
    .exitOverride()
    .enablePositionalOptions()
    .showHelpAfterError('(`--help` shows how it is used)')
    .addHelpText(
      'after',
      `
Examples:
  berth up https://github.com/owner/project     make a workspace and wait until it is ready
  berth terminal project                        enter it
  berth serve project                           forward its ports and print their URLs

A workspace is named by its name, its id, a unique beginning of either, or target/name.
Exit codes: 0 done, 1 a problem, 2 a wrong command line, 130 cancelled; exec passes its command's code through.`,
    )
  addCreation(program, go)
  addPrebuilds(program, define, go)
  addTemplates(program, go, define)
  addLifecycle(program, go)
  addData(program, go)
  addInside(program, go)
  addTasks(program, define, go)
  addSsh(program, go)
  addPorts(program, go)
  addCredentials(program, go)
  addVariables(program, go, define)
  addPolicies(program, { define, go })
  addFeatures(program, { define, go })
  addMachine(program, go)
  return program
}

/** A command with the options that all have, and its examples below the help. */
function define(program: Command, usage: string, description: string, examples: readonly string[]): Command {
  return program
    .command(usage)
    .description(description)
    .option('-q, --quiet', 'no progress on stderr')
    .addHelpText('after', `\nExamples:\n${examples.map((line) => `  ${line}`).join('\n')}`)
}

const json = () => new Option('--json', 'one JSON document on stdout, see docs/cli.md')

const buildHelp = {
  secret: 'let the build read a secret: id=NAME[,env=VARIABLE|,src=FILE]; repeatable',
  ssh: 'let the build use your SSH agent',
  hostNetwork: "let the build use the network of the engine's machine, where it asks for it",
} as const

function addCreation(program: Command, go: Execute): void {
  define(
    program,
    'up',
    'Make a workspace from a git URL, a folder or an image, and wait until it is ready.',
    [
      'berth up https://github.com/owner/project',
      'berth up git@github.com:owner/project.git --branch next',
      'berth up . --name here',
      'berth up . --detect',
      'berth up --image python:3.13',
      'berth up . --target kubernetes:prod/team --cpu 2 --memory 4Gi --storage 20Gi',
      'berth up . --target kubernetes:prod/team --builder docker:default --push-to registry.example.com/team/app',
    ],
  )
    .argument('[source]', 'git URL (also url#branch and url@commit), folder, or nothing with --image')
    .option('-i, --image <image>', 'use this image and not what the definition says')
    .option('-n, --name <name>', 'name of the workspace; made from the source otherwise')
    .option(
      '-t, --target <target>',
      'where it shall live, see `berth targets`; also kubernetes:context/namespace',
    )
    .option('-b, --branch <branch>', 'branch of the repository')
    .option('-d, --definition <path>', 'definition file, where the source has several')
    .option('--detect', 'where the source has no definition: use the one that its files suggest')
    .option('--no-prebuild', 'make it from scratch, also where there is a prebuild')
    .option('--respect-gitignore', 'leave out what git ignores, where a folder is copied')
    .option('--no-respect-gitignore', 'copy a folder whole, whatever the settings say')
    .option(
      '--data-from <workspace[@snapshot]>',
      'begin with the data of another workspace, or of a snapshot',
    )
    .option('--idle <time>', 'stop it by itself after this time without activity: 30m, 2h, or off')
    .option(
      '--secret <NAME>',
      'secret for it alone, from a variable of this name here, or asked for; repeatable',
      append,
    )
    .option(
      '--dotfiles <repository>',
      'dotfiles for its home, in place of those of the settings; none: no dotfiles',
    )
    .option('--starter <name>', 'begin an empty source with this starter project of its devfile')
    .option('--idle-while-closed', 'consent that its helper ends it then while no Berth is open')
    .option(
      '--allow-rights',
      'allow what it asks for of power over the machine: privileged, devices and the like',
    )
    .option('--build-secret <id=name>', buildHelp.secret, append)
    .option('--build-ssh', buildHelp.ssh)
    .option('--build-host-network', buildHelp.hostNetwork)
    .addOption(json())
    .optionsGroup('On a cluster:')
    .option('--namespace <name>', 'in this namespace; it becomes a target of its own')
    .option('--create-namespace', 'make the namespace if it is not there')
    .option('--cpu <amount>', 'processor that it is sure to get: 500m, 2')
    .option('--cpu-limit <amount>', 'processor that it never gets more of')
    .option('--memory <amount>', 'memory that it is sure to get: 512Mi, 4Gi')
    .option('--memory-limit <amount>', 'memory that it never gets more of')
    .option('--gpu <[resource=]count>', 'GPUs; nvidia.com/gpu unless the nodes call them otherwise')
    .option('--storage <amount>', 'size of the volume for source and home; 10Gi otherwise')
    .option('--storage-class <name>', "class of the volume; the cluster's default otherwise")
    .option('--node-selector <key=value>', 'only nodes with this label; repeatable', append)
    .option('--toleration <key[=value][:effect]>', 'also nodes with this taint; repeatable', append)
    .option('--pull-secret <name>', 'Secret of the namespace with a login for a registry; repeatable', append)
    .option(
      '--builder <target>',
      'who builds the image of a definition with a build: a Docker engine, or "cluster"',
    )
    .option('--push-to <repository>', 'where that image goes: registry.example.com/team/workspaces')
    .option('--docker-login', "give the cluster this machine's Docker login for the image's registry")
    .option('--label <key=value>', 'label of your own on all that belongs to it; repeatable', append)
    .option('--annotation <key=value>', 'annotation of your own; repeatable', append)
    .action((source, options) =>
      go(options, async (context) => (await import('./commands/up')).up(context, source, options)),
    )
  define(
    program,
    'init',
    'Propose a definition for a folder that has none, and write it as .devcontainer/devcontainer.json.',
    ['berth init', 'berth init ../project --print', 'berth init https://github.com/owner/project --print'],
  )
    .argument('[source]', 'folder; with --print also a git URL. The current folder otherwise')
    .option('-p, --print', 'print it, and write nothing')
    .option('-f, --force', 'replace the file that is there')
    .addOption(json())
    .action((source, options) =>
      go(options, async (context) => (await import('./commands/init')).init(context, source, options)),
    )
  define(program, 'list', 'Show all workspaces of all targets.', ['berth list', 'berth list --json'])
    .alias('ls')
    .addOption(json())
    .action((options) => go(options, async (context) => (await import('./commands/list')).list(context)))
}

function addLifecycle(program: Command, go: Execute): void {
  const verb = (name: LifecycleVerb, description: string, asks: boolean) => {
    const command = define(program, name, description, [`berth ${name} project`])
      .argument('<workspace>', 'name, id, beginning of either, or target/name')
      .addOption(json())
    if (asks) command.option('-y, --yes', 'do not ask; needed where there is no terminal')
    command.action((workspace, options) =>
      go(options, async (context) =>
        (await import('./commands/lifecycle')).lifecycle(context, name, workspace, options),
      ),
    )
    return command
  }
  verb('start', 'Start a workspace.', false)
  verb('stop', 'Stop a workspace. Its files stay, its processes end.', false)
    .option('--force', 'ask and wait for nothing: for one whose node is lost, or that does not end')
    .option('-y, --yes', 'with --force: do not ask; needed where there is no terminal')
  verb('restart', 'Stop and start a workspace.', false)
  verb('rebuild', 'Make a workspace anew from its definition. Source and home stay.', true)
    .option('--allow-rights', 'allow all that it asks for now of power over the machine')
    .option('--no-allow-rights', 'take back what was allowed')
    .option('--build-secret <id=name>', buildHelp.secret, append)
    .option('--build-ssh', buildHelp.ssh)
    .option('--build-host-network', buildHelp.hostNetwork)
  define(program, 'rename', 'Give a workspace another name.', ['berth rename project next-project'])
    .argument('<workspace>')
    .argument('<name>', '1 to 40 lower-case letters, digits and hyphens')
    .addOption(json())
    .action((workspace, name, options) =>
      go(options, async (context) => (await import('./commands/lifecycle')).rename(context, workspace, name)),
    )
  define(program, 'grow', 'Make the volume of a workspace larger. It keeps what is on it.', [
    'berth grow project 50Gi',
  ])
    .argument('<workspace>')
    .argument('<size>', 'what it is to have, as Kubernetes writes it: 20Gi')
    .addOption(json())
    .action((workspace, size, options) =>
      go(options, async (context) => (await import('./commands/lifecycle')).grow(context, workspace, size)),
    )
  define(
    program,
    'idle',
    'Show what was done last in a workspace, and after which idle time it is stopped by itself.',
    [
      'berth idle project',
      'berth idle project 30m',
      'berth idle project 2h --while-closed',
      'berth idle project --keep 4h',
      'berth idle project off',
    ],
  )
    .argument('<workspace>')
    .argument('[time]', 'after which it is stopped from now on: 30m, 2h, or off')
    .option('--while-closed', 'consent that its helper ends it while no Berth is open')
    .option('--no-while-closed', 'take that back')
    .option('--keep <hours>', 'do not stop it before so many hours are over: 4h', hoursOf)
    .addOption(json())
    .action((workspace, time, options) =>
      go(options, async (context) =>
        (await import('./commands/idle')).idle(context, workspace, time, options),
      ),
    )
  verb('delete', 'Delete a workspace with all its files.', true)
    .alias('rm')
    .option('--keep-snapshots', 'keep the snapshots of its data, where they can outlive it')
}

function addInside(program: Command, go: Execute): void {
  define(
    program,
    'exec',
    'Run a command in a workspace: its stdin, output, signals and exit code pass through.',
    [
      'berth exec project -- npm test',
      'berth exec project -t -- htop',
      'berth exec --service db project -- pg_dump app > app.sql',
      'berth exec project -- tar -c . > project.tar',
    ],
  )
    .argument('<workspace>', 'name, id, beginning of either, or target/name')
    .argument('<command...>', 'the command and its arguments, after --')
    .option('-t, --tty', 'with a terminal, in raw mode')
    .option('--service <name>', 'in this service of the workspace, with its own user, folder and variables')
    .option('-u, --user <user>', 'as this user and not the workspace user')
    .option('-w, --workdir <folder>', 'in this folder and not the workspace folder')
    .option(
      '-e, --env <NAME=value>',
      'with this variable; repeatable; NAME alone takes the value from here',
      append,
    )
    .option('--no-stdin', 'leave our stdin alone; the command reads an end of file')
    .action((workspace, command, options) =>
      go(options, async (context) =>
        (await import('./commands/exec')).exec(context, workspace, command, options),
      ),
    )
  define(
    program,
    'terminal',
    'Open the login shell of a workspace. Ctrl-] three times within a second leaves it.',
    ['berth terminal project', 'berth terminal --service db project'],
  )
    .argument('<workspace>', 'name, id, beginning of either, or target/name')
    .option('--service <name>', 'the shell of this service of the workspace: bash where it has one, else sh')
    .action((workspace, options) =>
      go(options, async (context) => (await import('./commands/exec')).terminal(context, workspace, options)),
    )
  define(program, 'logs', "Print what a workspace's main process printed.", [
    'berth logs project --tail 100',
    'berth logs project -f',
  ])
    .argument('<workspace>', 'name, id, beginning of either, or target/name')
    .option('-f, --follow', 'go on until Ctrl-C')
    .option('-n, --tail <lines>', 'the newest lines only', wholeNumber)
    .option('--service <name>', 'of this service, in place of the workspace itself')
    .action((workspace, options) =>
      go(options, async (context) => (await import('./commands/logs')).logs(context, workspace, options)),
    )
  define(program, 'cp', 'Copy files and folders into a workspace or out of it; `-` is a tar stream.', [
    'berth cp notes.txt project:',
    'berth cp project:/etc/os-release .',
    'berth cp project:src/. ./src',
    'berth cp project:src - | tar -t',
  ])
    .argument('<from>', 'path, workspace:path, or - for a tar stream on stdin')
    .argument('<to>', 'path, workspace:path, or - for a tar stream on stdout')
    .addOption(json())
    .action((from, to, options) =>
      go(options, async (context) => (await import('./commands/cp')).cp(context, from, to)),
    )
}

function addSsh(program: Command, go: Execute): void {
  const start = () => new Option('--start', 'start the workspace if it does not run')
  define(program, 'ssh', 'Open a workspace with the OpenSSH client of this machine.', [
    'berth ssh project',
    'berth ssh project -- npm test',
    'berth ssh project -A -L 8080:localhost:8080',
  ])
    .argument('<workspace>', 'name, id, beginning of either, or target/name')
    .argument('[arguments...]', 'for ssh: its options, and the command')
    .addOption(start())
    .passThroughOptions()
    .action((workspace, args, options) =>
      go(options, async (context) => (await import('./commands/ssh')).ssh(context, workspace, args, options)),
    )
  define(
    program,
    'ssh-config',
    'Make OpenSSH know workspaces as <workspace>.berth, and with it scp, rsync, git and IDEs.',
    ['berth ssh-config install', 'berth ssh-config remove', 'berth ssh-config show'],
  )
    .argument(
      '<action>',
      'install: put one line into ~/.ssh/config; remove: take it out; show: what it leads to',
    )
    .addOption(json())
    .action((action, options) =>
      go(options, async (context) => (await import('./commands/ssh-config')).sshConfig(context, action)),
    )
  define(program, 'ssh-proxy', 'Join OpenSSH with a workspace; ssh-config makes it the ProxyCommand.', [
    "ssh -o ProxyCommand='berth ssh-proxy %n' project.berth",
  ])
    .argument('<host>', '<workspace>.berth, or <workspace>.<target>.berth')
    .addOption(start())
    .action((host, options) =>
      go(options, async (context) => (await import('./commands/ssh-proxy')).sshProxy(context, host, options)),
    )
}

function addPorts(program: Command, go: Execute): void {
  define(program, 'ports', 'Show what listens in a workspace.', [
    'berth ports project',
    'berth ports project --json',
  ])
    .argument('<workspace>', 'name, id, beginning of either, or target/name')
    .addOption(json())
    .action((workspace, options) =>
      go(options, async (context) => (await import('./commands/ports')).ports(context, workspace)),
    )
  define(program, 'forward', 'Forward one port of a workspace until Ctrl-C.', [
    'berth forward project 8501',
    'berth forward project 5432:15432',
  ])
    .argument('<workspace>', 'name, id, beginning of either, or target/name')
    .argument('<port[:local]>', 'port in the workspace, and on this machine; the same number if it is free')
    .addOption(json())
    .action((workspace, ports, options) =>
      go(options, async (context) => (await import('./commands/forward')).forward(context, workspace, ports)),
    )
  define(
    program,
    'serve',
    'Forward the ports of workspaces, and print URLs as they come and go, until Ctrl-C.',
    ['berth serve', 'berth serve project other', 'berth serve --example'],
  )
    .argument('[workspaces...]', 'all running ones where none is named')
    .option('--example', 'make the bundled example workspace if it is missing, and serve it')
    .addOption(json())
    .action((workspaces, options) =>
      go({ ...options, lines: true }, async (context) =>
        (await import('./commands/serve')).serve(context, workspaces, options),
      ),
    )
  define(program, 'url', 'Print the URL of a port, while a Berth process serves it.', [
    'berth url project 8501',
  ])
    .argument('<workspace>', 'name, id, beginning of either, or target/name')
    .argument('<port>', 'port in the workspace', portNumber)
    .addOption(json())
    .action((workspace, port, options) =>
      go(options, async (context) => (await import('./commands/url')).url(context, workspace, port)),
    )
}

function addCredentials(program: Command, go: Execute): void {
  const all = define(
    program,
    'credentials',
    'What of yours workspaces get without a question: git credentials by server, and your SSH agent.',
    [
      'berth credentials',
      'berth credentials allow project https://github.com',
      'berth credentials revoke project ssh',
    ],
  )
    .argument('[workspace]', 'of this one alone')
    .addOption(json())
    .action((workspace, options) =>
      go(options, async (context) =>
        (await import('./commands/credentials')).credentials(context, workspace),
      ),
    )
  const change = (verb: 'allow' | 'revoke', description: string) =>
    define(all, verb, description, [
      `berth credentials ${verb} project https://github.com`,
      `berth credentials ${verb} project ssh`,
    ])
      .argument('<workspace>', 'name, id, beginning of either, or target/name')
      .argument('<what>', 'ssh, or a git server: https://github.com')
      .action((workspace, what, options) =>
        go(options, async (context) =>
          (await import('./commands/credentials')).changeCredentials(context, verb, workspace, what),
        ),
      )
  change('allow', 'Give it to a workspace without a question from now on.')
  change('revoke', 'Ask again from now on.')
}

function addMachine(program: Command, go: Execute): void {
  define(program, 'targets', 'Show where workspaces can live, and how these places are.', [
    'berth targets',
    'berth targets kubernetes:prod/team',
  ])
    .argument('[target]', 'tell all about this one: who you are there, and what room it has')
    .addOption(json())
    .action((target, options) =>
      go(options, async (context) => {
        const { targets, oneTarget } = await import('./commands/targets')
        return target === undefined ? targets(context) : oneTarget(context, target)
      }),
    )
  define(program, 'doctor', 'Check what Berth needs on this machine.', ['berth doctor'])
    .addOption(json())
    .action((options) => go(options, async (context) => (await import('./commands/doctor')).doctor(context)))
}

function append(value: string, previous: readonly string[] | undefined): string[] {
  return [...(previous ?? []), value]
}

function wholeNumber(text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new InvalidArgumentError('It has to be a whole number.')
  return Number(text)
}

function hoursOf(text: string): number {
  const hours = Number(/^(\d{1,3})h?$/.exec(text)?.[1])
  if (!(hours >= 1 && hours <= 168)) throw new InvalidArgumentError('It has to be 1h to 168h.')
  return hours
}

function portNumber(text: string): number {
  const port = wholeNumber(text)
  if (port < 1 || port > 65_535) throw new InvalidArgumentError('A port is a number from 1 to 65535.')
  return port
}
