import { readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import net from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Engine } from '../../../main/engine'
import { command } from '../../harness/command'
import type { Bench, Fact } from '../bench'
import { openEngine } from '../workspace'

const TERMINALS = 10
/** What is started settles for this long; then nothing is done for the other, milliseconds. */
const SETTLE = 20_000
const IDLE = 120_000
const BETWEEN = 1_000
/** Of one processor. */
const MOST_PROCESSOR = 0.001
/** Bytes of an hour. */
const MOST_BYTES = 200_000

export const agentCost: Bench = {
  name: 'agent-cost',
  title: `RSS of the agent with ${TERMINALS} terminals; idle for ${IDLE / 1000} s, its processor time and its bytes on the wire`,
  unit: 'MB',
  target: { kind: 'value', atMost: 15 },
  rounds: 7,
  async prepare({ say }) {
    const wire = await CountedWire.open()
    const berth = await openEngine({ env: { DOCKER_HOST: `unix://${wire.path}` } })
    const workspace = await berth.workspace()
    await openTerminals(berth.engine, workspace.id)
    await pause(SETTLE)
    const pid = await agentOf(workspace.container)
    return {
      async ours() {
        await pause(BETWEEN)
        return residentBytes(pid) / 1_000_000
      },
      async facts() {
        say(`  agent-cost: nothing is done for ${IDLE / 1000} s`)
        const execs = await execsOf(workspace.container)
        const before = { ticks: ticksOf(pid), bytes: wire.bytesOf(execs) }
        await pause(IDLE)
        // Of 10 ms each, on every architecture.
        const processor = ((ticksOf(pid) - before.ticks) * 10) / IDLE
        const bytes = ((wire.bytesOf(execs) - before.bytes) * 3_600_000) / IDLE
        return [
          idleFact('processor', `${(processor * 100).toFixed(3)} %`, processor <= MOST_PROCESSOR),
          idleFact('on the wire', `${(bytes / 1000).toFixed(1)} KB/h`, bytes > 0 && bytes <= MOST_BYTES),
        ]
      },
      async dispose() {
        await berth.dispose()
        await wire.close()
      },
    }
  },
}

const idleFact = (what: string, value: string, pass: boolean): Fact => ({
  what: `idle: ${what}`,
  value,
  pass,
})

async function openTerminals(engine: Engine, workspaceId: string): Promise<void> {
  const { terminals } = engine.links.get(workspaceId)
  const tty = { columns: 120, rows: 40 }
  const never = new AbortController().signal
  for (let count = 0; count < TERMINALS; count += 1) {
    const create = { shell: 'login' as const, tty }
    const terminal = await terminals.open(`bench-${count}`, { create }, never)
    if (!terminal) throw new Error('there is no agent')
    terminal.stdout.resume()
  }
}

/** Its number on this machine, which the container's kernel is. */
async function agentOf(container: string): Promise<number> {
  const table = await command('docker', ['top', container, '-eo', 'pid,args'])
  const line = table.split('\n').find((one) => /berth-agent\S* serve/.test(one))
  if (!line) throw new Error(`no agent in ${table}`)
  return Number.parseInt(line, 10)
}

/** What runs in it: on an engine that others use as well, theirs is not counted. */
async function execsOf(container: string): Promise<string[]> {
  return JSON.parse(
    await command('docker', ['inspect', '--format', '{{json .ExecIDs}}', container]),
  ) as string[]
}

function residentBytes(pid: number): number {
  const [, kilobytes] = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? []
  return Number(kilobytes) * 1024
}

/** User and system time, proc(5), fields 14 and 15. */
function ticksOf(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /s, '')
    .split(' ')
  return Number(fields[11]) + Number(fields[12])
}

/** Stands before the Docker engine and counts what goes over its execs, both ways, frames and all. */
class CountedWire {
  readonly #bytes = new Map<string, number>()
  readonly path: string
  readonly #folder: string
  readonly #server: net.Server
  readonly #sockets = new Set<net.Socket>()

  static async open(): Promise<CountedWire> {
    const folder = await mkdtemp(join(tmpdir(), 'berth-wire-'))
    const wire = new CountedWire(folder)
    await new Promise<void>((resolve) => wire.#server.listen(wire.path, resolve))
    return wire
  }

  private constructor(folder: string) {
    this.#folder = folder
    this.path = join(folder, 'docker.sock')
    this.#server = net.createServer({ allowHalfOpen: true }, (near) => this.#join(near))
  }

  /** Of these execs, both ways. */
  bytesOf(execs: readonly string[]): number {
    return execs.reduce((sum, exec) => sum + (this.#bytes.get(exec) ?? 0), 0)
  }

  #join(near: net.Socket): void {
    const far = net.connect({ path: dockerSocket(), allowHalfOpen: true })
    let exec: string | undefined
    const count = (chunk: Buffer) => {
      if (exec !== undefined) this.#bytes.set(exec, (this.#bytes.get(exec) ?? 0) + chunk.length)
    }
    near.on('data', (chunk) => {
      exec ??= /^POST \/v[\d.]+\/exec\/(\w+)\/start /.exec(chunk.toString('latin1', 0, 200))?.[1]
      count(chunk)
    })
    far.on('data', count)
    for (const socket of [near, far]) {
      this.#sockets.add(socket)
      socket.on('error', () => undefined)
      socket.on('close', () => {
        this.#sockets.delete(socket)
        near.destroy()
        far.destroy()
      })
    }
    near.pipe(far)
    far.pipe(near)
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    await new Promise((resolve) => this.#server.close(resolve))
    await rm(this.#folder, { recursive: true, force: true })
  }
}

function dockerSocket(): string {
  const host = process.env.DOCKER_HOST ?? 'unix:///var/run/docker.sock'
  if (!host.startsWith('unix://')) throw new Error('this bench needs a Docker engine on this machine')
  return host.slice('unix://'.length)
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds))
}
