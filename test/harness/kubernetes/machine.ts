import { spawn } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { command, tryCommand } from '../command'

/**
 * A machine within the machine: one mount and one process namespace in which all of a cluster's programs run. What
 * they mount is mounted nowhere else, the fixed paths they write to are folders of their own, and one SIGKILL of the
 * namespace's first process ends every one of them, containers included, whatever state they are in. The network is
 * the machine's, so that all is reached over loopback. Linux, root.
 */
export interface Machine {
  readonly folder: string
  /** Starts a program in the background; its output goes to `<folder>/logs/<name>.log`. */
  start(name: string, program: string, args: readonly string[]): Promise<void>
  isRunning(name: string): boolean
  /** Asks the program to end and waits until it has; kills it after `patience` milliseconds (default 10,000). */
  stop(name: string, patience?: number): Promise<void>
  /** The end of what the program printed, for messages. */
  lastWords(name: string): Promise<string>
  /** Waits until `condition` holds; rejects with the program's last words if it ended or took longer than two minutes. */
  waitFor(name: string, what: string, condition: () => Promise<boolean>): Promise<void>
}

interface Init {
  /** The namespace's first process, as the machine outside numbers it. */
  readonly pid: number
  /** In clock ticks since boot: tells it from a later process with the same number. */
  readonly startTime: string
}

/** What the kubelet sets on the machine that it runs on: it gets files of its own in their place. */
const kernelSettings = [
  'vm/overcommit_memory',
  'vm/panic_on_oom',
  'kernel/panic',
  'kernel/panic_on_oops',
  'kernel/keys/root_maxkeys',
  'kernel/keys/root_maxbytes',
]

/**
 * The first process: makes the private mounts, then only reaps. `/tmp` is the cluster's own (the controller manager
 * has `/tmp/hostpath_pv` built in), with the cluster's folder in it where it always was; so are `/var/log` (the
 * kubelet's `/var/log/pods`) and, as layers over what is there, `/run` (containerd's sockets) and `/var/lib` (what
 * CNI remembers of networks, and the kubelet's sockets for plugins).
 */
const initScript = `
set -eu
folder=$1
case $folder in /tmp/*)
  mkdir -p "$folder/tmp/\${folder#/tmp/}"
  mount --bind "$folder" "$folder/tmp/\${folder#/tmp/}" ;;
esac
mount --rbind "$folder/tmp" /tmp
mount --bind "$folder/logs" /var/log
mount -t tmpfs tmpfs "$folder/run"
for path in /run /var/lib; do
  layer=$folder/run/$(echo "$path" | tr / -)
  mkdir -p "$layer/upper" "$layer/work"
  mount -t overlay overlay -o "lowerdir=$path,upperdir=$layer/upper,workdir=$layer/work" "$path"
done
for setting in ${kernelSettings.join(' ')}; do
  [ -e "/proc/sys/$setting" ] || continue
  copy=$folder/settings/$(echo "$setting" | tr / -)
  cat "/proc/sys/$setting" > "$copy"
  mount --bind "$copy" "/proc/sys/$setting"
done
mount --make-rshared /
: > "$folder/up"
trap : TERM INT HUP
while :; do sleep 86400 & wait $! || :; done
`

/**
 * Starts an empty machine whose files lie in `folder`. Unless it `outlives` this process, the kernel kills it when
 * this process ends in any way.
 */
export async function startMachine(folder: string, outlives: boolean): Promise<Machine> {
  for (const name of ['tmp', 'logs', 'run', 'settings', 'pids']) {
    await mkdir(join(folder, name), { recursive: true })
  }
  const child = spawn(
    'setpriv',
    [
      ...['--pdeathsig', outlives ? 'clear' : 'SIGKILL', '--'],
      ...[
        'unshare',
        '--mount',
        '--propagation',
        'private',
        '--pid',
        '--mount-proc',
        '--fork',
        '--kill-child',
      ],
      ...['bash', '-c', initScript, 'berth-test-machine', folder],
    ],
    // Its own process group: a Ctrl-C is for whoever started it, who then disposes of it.
    { stdio: ['ignore', 'ignore', 'pipe'], detached: true, env: environment(folder) },
  )
  let said = ''
  child.stderr.on('data', (chunk: Buffer) => {
    said += chunk.toString()
  })
  let ended = false
  child.once('error', (error) => {
    said += error.message
    ended = true
  })
  child.once('exit', () => {
    ended = true
  })
  while (!existsSync(join(folder, 'up'))) {
    if (ended) throw new Error(`no namespaces for a test cluster: ${said.trim()}`)
    await pause(20)
  }
  const { stdout } = await tryCommand('ps', ['-o', 'pid=', '--ppid', String(child.pid)])
  const pid = Number(stdout.trim())
  const startTime = startTimeOf(pid)
  if (startTime === undefined) throw new Error(`a test cluster's first process ended at once: ${said.trim()}`)
  await writeFile(join(folder, 'init.json'), JSON.stringify({ pid, startTime } satisfies Init))
  child.unref()
  child.stderr.destroy()
  return machineIn(folder, { pid, startTime })
}

/** The running machine of `folder`, whoever started it. */
export async function openMachine(folder: string): Promise<Machine> {
  const init = await readInit(folder)
  if (!init || !isAlive(init)) throw new Error(`the test cluster of ${folder} does not run`)
  return machineIn(folder, init)
}

export async function machineRuns(folder: string): Promise<boolean> {
  const init = await readInit(folder)
  return init !== undefined && isAlive(init)
}

/** Whether a machine ever ran there. */
export async function wasMachine(folder: string): Promise<boolean> {
  return (await readInit(folder)) !== undefined
}

/** Kills all that runs in the machine and waits until it is gone; nothing if none runs. Leaves its files. */
export async function killMachine(folder: string): Promise<void> {
  const init = await readInit(folder)
  if (!init) return
  if (isAlive(init)) process.kill(init.pid, 'SIGKILL')
  // The first process of a namespace is gone only when all others of it are.
  while (isAlive(init)) await pause(20)
}

/** Pids, as the machine outside numbers them, of all that runs in the machine. */
export async function processesIn(folder: string): Promise<number[]> {
  const init = await readInit(folder)
  if (!init || !isAlive(init)) return []
  const { stdout } = await tryCommand('ps', ['-eo', 'pid=,pidns='])
  const rows = stdout.split('\n').map((line) => line.trim().split(/\s+/))
  const namespace = rows.find(([pid]) => pid === String(init.pid))?.[1]
  return rows.filter(([, of]) => of !== undefined && of === namespace).map(([pid]) => Number(pid))
}

function machineIn(folder: string, init: Init): Machine {
  const inside = (...args: string[]) => ['--target', String(init.pid), '--mount', '--pid', '--', ...args]
  /** Its pid within the namespace, and when that process began; nothing if it was not started. */
  const known = (name: string) => {
    try {
      const [pid = '', startTime = ''] = readFileSync(join(folder, 'pids', name), 'utf8')
        .trim()
        .split(' ')
      return { pid, startTime }
    } catch {
      return undefined
    }
  }
  const within = (pid: string) => startTimeOf(pid, `/proc/${init.pid}/root/proc`)
  const log = (name: string) => join(folder, 'logs', `${name}.log`)
  const isRunning = (name: string) => {
    const process = known(name)
    return process !== undefined && isAlive(init) && within(process.pid) === process.startTime
  }
  const signal = async (name: string, kind: string) => {
    if (isRunning(name)) await tryCommand('nsenter', inside('kill', '-s', kind, known(name)?.pid ?? ''))
  }
  const lastWords = async (name: string) =>
    (await readFile(log(name), 'utf8').catch(() => '')).trim().split('\n').slice(-15).join('\n')
  return {
    folder,
    isRunning,
    lastWords,
    start: async (name, program, args) => {
      if (isRunning(name)) throw new Error(`${name} runs already`)
      // Into the background within the namespace, so that nothing outside waits for it and its first process reaps it.
      const file = join(folder, 'pids', name)
      await rm(file, { force: true })
      await command(
        'nsenter',
        inside(
          ...['setsid', '--fork', 'sh', '-c'],
          'echo $$ > "$1.new" && mv "$1.new" "$1" && log=$2 && shift 2 && exec "$@" >>"$log" 2>&1 </dev/null',
          ...[name, file, log(name), program, ...args],
        ),
        { env: environment(folder) },
      )
      while (!existsSync(file)) await pause(10)
      const pid = (await readFile(file, 'utf8')).trim()
      await writeFile(file, `${pid} ${within(pid) ?? 'ended'}`)
    },
    stop: async (name, patience = 10_000) => {
      await signal(name, 'TERM')
      const deadline = Date.now() + patience
      while (isRunning(name)) {
        if (Date.now() > deadline) await signal(name, 'KILL')
        await pause(20)
      }
    },
    waitFor: async (name, what, condition) => {
      const deadline = Date.now() + 120_000
      while (!(await condition())) {
        const gone = !isRunning(name)
        if (gone || Date.now() > deadline) {
          throw new Error(
            `${name} ${gone ? 'ended' : 'took too long'} (${what}). It said last:\n${await lastWords(name)}`,
          )
        }
        await pause(100)
      }
    },
  }
}

/** Of this process's environment only what programs are found by: no proxies, no credentials. */
function environment(folder: string): NodeJS.ProcessEnv {
  return { PATH: `${process.env.PATH ?? ''}:/usr/local/sbin:/usr/sbin:/sbin:/usr/bin:/bin`, HOME: folder }
}

async function readInit(folder: string): Promise<Init | undefined> {
  try {
    return JSON.parse(await readFile(join(folder, 'init.json'), 'utf8')) as Init
  } catch {
    // Not started, or not yet.
    return undefined
  }
}

const isAlive = (init: Init) => startTimeOf(init.pid) === init.startTime

/** The 22nd field of <proc>/<pid>/stat (proc(5)); nothing for a process that is gone or only waits to be reaped. */
function startTimeOf(pid: number | string, proc = '/proc'): string | undefined {
  let stat: string
  try {
    stat = readFileSync(`${proc}/${pid}/stat`, 'utf8')
  } catch {
    return undefined
  }
  // The second field, the program's name, is in parentheses and may hold anything.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return fields[0] === 'Z' ? undefined : fields[19]
}

const pause = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds))
