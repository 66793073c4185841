import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { root } from '../../../scripts/setup/folders.mjs'
import type { BenchWorkspace } from '../workspace'
import type { Place } from './place'
import { processorTime } from './processor-time'

/** A forward in a process of its own: so neither side shares a thread with who measures. */
export interface Forward {
  readonly localPort: number
  /** Whether its process still runs. */
  readonly alive: boolean
  /** Milliseconds of processor time that its process has used. */
  processorTime(): Promise<number>
  dispose(): Promise<void>
}

/** `berth forward`, as it is built: the engine's ports service over its Kubernetes driver. */
export async function berthForward(place: Place, workspace: BenchWorkspace, port: number): Promise<Forward> {
  const home = await mkdtemp(join(tmpdir(), 'berth-bench-'))
  const { XDG_CONFIG_HOME: _c, XDG_STATE_HOME: _s, XDG_CACHE_HOME: _h, ...own } = process.env
  const child = spawn(
    process.execPath,
    [join(root, 'out/cli/berth.js'), 'forward', '--quiet', workspace.id, String(port)],
    { env: { ...own, HOME: home, KUBECONFIG: place.kubeconfig }, stdio: ['ignore', 'pipe', 'pipe'] },
  )
  const forward = await open(child, /127\.0\.0\.1:(\d+)/, 'berth forward')
  return {
    ...forward,
    get alive() {
      return forward.alive
    },
    dispose: async () => {
      await forward.dispose()
      await rm(home, { recursive: true, force: true })
    },
  }
}

/** `kubectl port-forward` to the same pod. */
export function kubectlForward(place: Place, pod: string, port: number): Promise<Forward> {
  const args = [...place.asDeveloper, 'port-forward', '--address', '127.0.0.1', `pod/${pod}`, `:${port}`]
  const child = spawn(place.kubectl.program, args, { stdio: ['ignore', 'pipe', 'pipe'] })
  return open(child, /^Forwarding from 127\.0\.0\.1:(\d+)/m, 'kubectl port-forward')
}

/** Waits until it says where it listens. */
async function open(child: ChildProcess, address: RegExp, name: string): Promise<Forward> {
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()))
  const end = async () => {
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGTERM')
    const force = setTimeout(() => child.kill('SIGKILL'), 10_000)
    await ended
    clearTimeout(force)
  }
  let said = ''
  let complaint = ''
  child.stderr?.on('data', (chunk: Buffer) => {
    complaint = (complaint + chunk.toString()).slice(-4000)
  })
  const localPort = await new Promise<number>((resolve, reject) => {
    child.stdout?.on('data', (chunk: Buffer) => {
      said = (said + chunk.toString()).slice(-4000)
      const found = address.exec(said)?.[1]
      if (found) resolve(Number(found))
    })
    child.once('error', reject)
    void ended.then(() => reject(new Error(`${name} ended before it listened: ${complaint}`)))
  })
  return {
    localPort,
    get alive() {
      return child.exitCode === null && child.signalCode === null
    },
    processorTime: () => processorTime(child.pid ?? 0),
    dispose: end,
  }
}
