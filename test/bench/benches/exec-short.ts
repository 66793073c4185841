import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { command } from '../../harness/command'
import { type Bench, CannotRun, type PreparedBench } from '../bench'
import { type BenchEngine, inContainer, openEngine } from '../workspace'

const program = resolve('out/cli/berth.js')
const devcontainer = resolve('node_modules/@devcontainers/cli/devcontainer.js')
/** As that of somebody who has a version manager or two: 200 ms. Counts how often it runs. */
const profile = 'printf . >> ~/asked; sleep 0.2; export GREETING=hello'

/** A new process each time, as in a script: what the user's shell adds to the environment has to be there. */
const script = ['sh', '-c', '[ "$GREETING" = hello ]']

async function timed(file: string, args: readonly string[], env?: NodeJS.ProcessEnv): Promise<number> {
  const started = performance.now()
  await command(file, args, env ? { env } : {})
  return performance.now() - started
}

async function prepare(
  reference: (container: string, ours: () => Promise<number>) => Promise<number>,
): Promise<PreparedBench> {
  if (!existsSync(program)) throw new CannotRun('the command line is not built: npm run build')
  const berth: BenchEngine = await openEngine()
  const { id, container } = await berth.workspace()
  await inContainer(container, `echo '${profile}' >> ~/.bashrc`)
  const home = berth.home
  const ours = () =>
    timed(process.execPath, [program, 'exec', id, '--', ...script], {
      ...process.env,
      HOME: home,
      XDG_CONFIG_HOME: join(home, '.config'),
      XDG_STATE_HOME: join(home, '.local/state'),
      XDG_CACHE_HOME: join(home, '.cache'),
    })
  const first = await ours()
  return {
    ours,
    reference: () => reference(container, ours),
    async facts() {
      await inContainer(container, 'rm -f ~/asked')
      for (let round = 0; round < 3; round += 1) await ours()
      const times = await inContainer(container, 'cat ~/asked 2>/dev/null | wc -c')
      return [
        { what: 'the first, which asks the shell', value: `${Math.round(first)} ms`, pass: true },
        { what: 'the shell asked by three more', value: String(Number(times)), pass: Number(times) <= 1 },
      ]
    },
    dispose: () => berth.dispose(),
  }
}

export const execShort: Bench = {
  name: 'exec-short',
  title: 'berth exec in a process of its own, with the user’s environment / devcontainer exec',
  unit: 'ms',
  target: { kind: 'ratio', atMost: 1 },
  rounds: 11,
  prepare: () =>
    prepare((container) =>
      timed(process.execPath, [devcontainer, 'exec', '--container-id', container, ...script]),
    ),
}

export const execPlain: Bench = {
  name: 'exec-plain',
  title: 'the same / docker exec, which does not ask any shell',
  unit: 'ms',
  target: { kind: 'report' },
  rounds: 11,
  prepare: () => prepare((container) => timed('docker', ['exec', container, 'true'])),
}

export const execAnew: Bench = {
  name: 'exec-anew',
  title: 'the same / where nothing is kept and the shell is asked, which takes 200 ms',
  unit: 'ms',
  target: { kind: 'ratio', atMost: 0.9 },
  rounds: 11,
  prepare: () =>
    prepare(async (container, ours) => {
      await inContainer(container, 'rm -f /dev/shm/berth-environment-*')
      return ours()
    }),
}
