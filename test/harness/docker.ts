import { spawn } from 'node:child_process'
import { closeSync, existsSync, openSync } from 'node:fs'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { command, tryCommand } from './command'

/** Whether the machine's own engine answers, and if not why: tests that need it say so when they skip. */
export async function dockerProblem(): Promise<string | undefined> {
  try {
    const { code, stderr } = await tryCommand('docker', ['version', '--format', '{{.Server.Version}}'], {
      timeoutMilliseconds: 20_000,
    })
    return code === 0 ? undefined : stderr.trim()
  } catch (error) {
    return (error as Error).message
  }
}

export interface PrivateDocker {
  /** For `DOCKER_HOST`. */
  readonly host: string
  readonly socket: string
  /** Runs the docker command against this engine; rejects on a failing exit. */
  docker(...args: string[]): Promise<string>
  /** Copies an image of the machine's engine into this one. */
  loadImage(name: string): Promise<void>
  /** SIGTERM, as a service manager stops it; resolves when the process is gone. Containers end, unless told to go on. */
  stop(): Promise<void>
  /** SIGKILL, as a crash does it. Containers go on. */
  kill(): Promise<void>
  /** Starts it again over the same data; resolves when it answers. */
  start(): Promise<void>
  /** Halts it without closing a socket (SIGSTOP), as a frozen machine or a lost network looks. */
  freeze(): void
  thaw(): void
  /** Stops it and removes all that it kept. */
  dispose(): Promise<void>
}

export interface PrivateDockerOptions {
  /** A disk of its own of so many bytes, for tests that fill it. It is in memory. */
  readonly disk?: number
  /** Containers go on while it is stopped and started again (dockerd's `live-restore`). */
  readonly liveRestore?: boolean
}

/**
 * An engine of one's own, to stop, kill and freeze: its own data, socket, containerd and no network. Needs root and
 * `dockerd`; takes about a second. Its containers have no network but their loopback, which `dial` is made for.
 */
export async function startPrivateDocker(options: PrivateDockerOptions = {}): Promise<PrivateDocker> {
  const folder = await mkdtemp(join(tmpdir(), 'berth-docker-'))
  if (options.disk !== undefined)
    await command('mount', ['-t', 'tmpfs', '-o', `size=${options.disk}`, 'berth-docker', folder])
  const socket = join(folder, 'docker.sock')
  const host = `unix://${socket}`
  const pidFile = join(folder, 'dockerd.pid')
  const log = join(folder, 'dockerd.log')
  const containerdSocket = join(folder, 'containerd.sock')
  const env = { ...process.env, DOCKER_HOST: host, DOCKER_CONTEXT: undefined }
  let containerd: Daemon | undefined
  let daemon: Daemon | undefined

  const docker = (...args: string[]) => command('docker', args, { env })
  const failure = async (name: string) =>
    new Error(`${name} does not answer:\n${(await readFile(log, 'utf8')).slice(-4000)}`)

  const start = async () => {
    if (daemon?.running) return
    // The two are apart, as a service manager has them: containers outlive the one that is killed.
    if (!containerd?.running) {
      containerd = startDaemon(
        'containerd',
        [
          `--address=${containerdSocket}`,
          `--root=${join(folder, 'containerd')}`,
          `--state=${join(folder, 'containerd-state')}`,
          '--log-level=warn',
        ],
        log,
      )
      if (!(await comesTrue(async () => existsSync(containerdSocket), containerd))) {
        throw await failure('containerd')
      }
    }
    // A killed daemon leaves its pid file; if another process has that pid by now, it would refuse to start.
    await rm(pidFile, { force: true })
    // In a network of its own: a dockerd without a bridge deletes docker0, which is the machine's engine's.
    daemon = startDaemon(
      'unshare',
      [
        '--net',
        '--',
        'dockerd',
        `--host=${host}`,
        `--containerd=${containerdSocket}`,
        `--data-root=${join(folder, 'data')}`,
        `--exec-root=${join(folder, 'exec')}`,
        `--pidfile=${pidFile}`,
        '--bridge=none',
        '--iptables=false',
        '--ip6tables=false',
        '--ip-forward=false',
        '--ip-masq=false',
        '--shutdown-timeout=5',
        ...(options.liveRestore ? ['--live-restore'] : []),
      ],
      log,
    )
    // An engine that still reads its data takes the connection and answers late: that is no failure yet.
    const answers = () =>
      tryCommand('docker', ['version'], { env, timeoutMilliseconds: 20_000 }).then(
        ({ code }) => code === 0,
        () => false,
      )
    if (!(await comesTrue(answers, daemon))) throw await failure('dockerd')
  }

  const dispose = async () => {
    daemon?.signal('SIGCONT')
    // Politely where it still answers, and one that somebody is removing already is gone soon: the rest is ended below.
    if (daemon?.running) {
      const { stdout } = await tryCommand('docker', ['ps', '-aq'], { env })
      const containers = stdout.split('\n').filter(Boolean)
      if (containers.length > 0) await tryCommand('docker', ['rm', '-fv', ...containers], { env })
    }
    await daemon?.end('SIGTERM')
    await containerd?.end('SIGTERM')
    await endLeftovers(folder)
    if (options.disk !== undefined) await command('umount', [folder])
    await rm(folder, { recursive: true, force: true })
  }

  try {
    await start()
  } catch (error) {
    await dispose()
    throw error
  }
  return {
    host,
    socket,
    docker,
    loadImage: async (name) => {
      const archive = join(folder, 'image.tar')
      await command('docker', ['save', '--output', archive, name])
      await docker('load', '--input', archive)
      await rm(archive)
    },
    stop: async () => {
      daemon?.signal('SIGCONT')
      await daemon?.end('SIGTERM')
    },
    kill: async () => daemon?.end('SIGKILL'),
    start,
    freeze: () => daemon?.signal('SIGSTOP'),
    thaw: () => daemon?.signal('SIGCONT'),
    dispose,
  }
}

interface Daemon {
  readonly running: boolean
  signal(signal: NodeJS.Signals): void
  end(signal: NodeJS.Signals): Promise<void>
}

function startDaemon(name: string, args: readonly string[], log: string): Daemon {
  const output = openSync(log, 'a')
  const child = spawn(name, [...args], { stdio: ['ignore', output, output] })
  closeSync(output)
  let running = child.pid !== undefined
  const ended = new Promise<void>((resolve) => {
    const finish = () => {
      running = false
      resolve()
    }
    child.once('exit', finish)
    child.once('error', finish)
  })
  const signal = (name: NodeJS.Signals) => {
    if (running) child.kill(name)
  }
  return {
    get running() {
      return running
    },
    signal,
    end: async (name) => {
      signal(name)
      await ended
    },
  }
}

/** Whether `condition` came to hold while the daemon lived, within a minute. */
async function comesTrue(condition: () => Promise<boolean>, daemon: Daemon): Promise<boolean> {
  const deadline = Date.now() + 60_000
  while (daemon.running && Date.now() < deadline) {
    if (await condition()) return true
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  return false
}

/** After a SIGKILL shims and mounts stay behind: ends those of this folder, by their pids. */
async function endLeftovers(folder: string): Promise<void> {
  const deadline = Date.now() + 10_000
  for (;;) {
    const pids = await processesNaming(folder)
    if (pids.length === 0 || Date.now() > deadline) break
    for (const pid of pids) {
      try {
        process.kill(pid, 'SIGKILL')
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
      }
    }
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  const mounts = (await readFile('/proc/self/mounts', 'utf8'))
    .split('\n')
    .map((line) => line.split(' ')[1] ?? '')
    .filter((path) => path.startsWith(`${folder}/`))
  for (const path of mounts.reverse()) await tryCommand('umount', ['--lazy', path])
}

/** Pids of processes with `text` in their arguments. */
async function processesNaming(text: string): Promise<number[]> {
  const { stdout } = await tryCommand('ps', ['-eo', 'pid=,args=', '--no-headers', '-ww'])
  return stdout
    .split('\n')
    .filter((line) => line.includes(text))
    .map((line) => Number.parseInt(line.trim(), 10))
    .filter((pid) => Number.isInteger(pid) && pid !== process.pid)
}
