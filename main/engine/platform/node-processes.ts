import { type ChildProcess, spawn } from 'node:child_process'
import { PassThrough } from 'node:stream'
import type { Processes, ProcessOptions, RunningProcess, RunResult } from './processes'

/** How much of a program's output `run` keeps. */
const OUTPUT_LIMIT = 10 * 1024 * 1024
/** Between asking a program to end and ending it. */
const KILL_AFTER = 5_000

export const nodeProcesses: Processes = { spawn: spawnProcess, run, launch }

function spawnProcess(
  command: string,
  args: readonly string[],
  options: ProcessOptions = {},
): RunningProcess {
  const shared = {
    cwd: options.cwd,
    env: options.env ? { ...options.env } : process.env,
    // A group of its own, so that one signal reaches what the program itself started (git starts ssh, say).
    detached: options.group === true && process.platform !== 'win32',
    windowsHide: true,
  }
  const child = options.terminal
    ? spawn(command, [...args], { ...shared, stdio: ['inherit', 'pipe', 'pipe'] })
    : spawn(command, [...args], { ...shared, stdio: ['pipe', 'pipe', 'pipe'] })
  // A program that ended, or never started, makes writes fail; its exit tells the story.
  const stdin = child.stdin ?? new PassThrough()
  stdin.on('error', () => undefined)
  if (options.terminal) child.stderr.on('data', (chunk: Buffer) => process.stderr.write(chunk))

  let timer: NodeJS.Timeout | undefined
  let finished = false
  const kill = (signal: NodeJS.Signals = 'SIGTERM') => {
    if (!finished) sendSignal(child, signal, options.group === true)
  }
  const onAbort = () => {
    kill('SIGTERM')
    timer = setTimeout(() => kill('SIGKILL'), KILL_AFTER)
    timer.unref()
  }
  if (options.signal?.aborted) onAbort()
  else options.signal?.addEventListener('abort', onAbort, { once: true })

  const exit = new Promise<Awaited<RunningProcess['exit']>>((resolve) => {
    const finish = (result: Awaited<RunningProcess['exit']>) => {
      finished = true
      clearTimeout(timer)
      options.signal?.removeEventListener('abort', onAbort)
      resolve(result)
    }
    child.once('error', (error) => finish({ code: null, signal: null, error }))
    child.once('close', (code, signal) => finish({ code, signal }))
  })
  return { pid: child.pid ?? -1, stdin, stdout: child.stdout, stderr: child.stderr, exit, kill }
}

function sendSignal(child: ChildProcess, signal: NodeJS.Signals, group: boolean): void {
  if (child.pid === undefined) return
  if (!group || process.platform === 'win32') {
    if (child.exitCode === null && child.signalCode === null) child.kill(signal)
    return
  }
  // The group outlives its leader: whatever still holds the leader's output is in it.
  try {
    process.kill(-child.pid, signal)
  } catch {
    // The group is gone already: it ended between the check above and here.
  }
}

async function run(
  command: string,
  args: readonly string[],
  options: ProcessOptions & { readonly input?: string } = {},
): Promise<RunResult> {
  const child = spawnProcess(command, args, options)
  const stdout = keepNewest(child.stdout)
  const stderr = keepNewest(child.stderr)
  child.stdin.end(options.input ?? '')
  const { code, error } = await child.exit
  return {
    code,
    stdout: stdout(),
    stderr: stderr(),
    ...(error ? { error: error as NodeJS.ErrnoException } : {}),
  }
}

function launch(command: string, args: readonly string[]): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, [...args], { stdio: 'ignore', detached: true })
    child.once('error', reject)
    child.once('spawn', () => {
      child.unref()
      resolve()
    })
  })
}

function keepNewest(stream: NodeJS.ReadableStream): () => string {
  const chunks: Buffer[] = []
  let length = 0
  stream.on('data', (chunk: Buffer) => {
    chunks.push(chunk)
    length += chunk.length
    while (length > OUTPUT_LIMIT && chunks.length > 1) length -= chunks.shift()?.length ?? 0
  })
  return () => Buffer.concat(chunks).toString('utf8')
}
