import type { StreamDown } from '#contract'
import { endpointPair } from '../../../main/engine/platform/endpoint-pair'
import type { Bench } from '../bench'
import { quantile } from '../statistics'
import { type BenchEngine, openEngine } from '../workspace'

/** Ports per round. */
const PORTS = 8
const FIRST = 21_000

/**
 * In a terminal, as a person does it: a program prints something, listens, and says when. Both clocks are this
 * machine's, because containers share it.
 */
export const portSeen: Bench = {
  name: 'port-seen',
  title: 'listen() to port in the list, p95 of each round, just after terminal output',
  unit: 'ms',
  target: { kind: 'value', atMost: 500 },
  rounds: 7,
  async prepare() {
    const berth = await openEngine()
    const workspace = await berth.workspace()
    const terminal = await openTerminal(berth, workspace.id)
    let next = FIRST
    const all: number[] = []
    return {
      async ours() {
        const delays: number[] = []
        for (let count = 0; count < PORTS; count += 1) {
          const port = next
          next += 1
          const seen = portAppears(berth, workspace.id, port)
          const heard = terminal.prints(new RegExp(`listening ${port} (\\d+)`))
          terminal.type(`python3 -c '${script(port)}'\r`)
          const [seenAt, match] = await Promise.all([seen, heard])
          delays.push(seenAt - Number(match[1]))
          // Ctrl-C ends it; the next one begins after its prompt, at any moment of the poller's rhythm.
          terminal.type('\u0003')
          await new Promise((resolve) => setTimeout(resolve, 300 + Math.random() * 1500))
        }
        all.push(...delays)
        return quantile(delays, 0.95)
      },
      async facts() {
        const p95 = quantile(all, 0.95)
        return [
          { what: 'p50 of all', value: `${quantile(all, 0.5).toFixed(0)} ms`, pass: true },
          { what: 'p95 of all', value: `${p95.toFixed(0)} ms`, pass: p95 <= 500 },
          { what: 'worst', value: `${Math.max(...all).toFixed(0)} ms`, pass: true },
        ]
      },
      async dispose() {
        terminal.close()
        await berth.dispose()
      },
    }
  },
}

/** VS Code looks for ports every two seconds at most. */
const OTHERS_LOOK = 2_000

export const portPush: Bench = {
  ...portSeen,
  name: 'port-push',
  title: `${portSeen.title} / the interval at which VS Code looks`,
  target: { kind: 'ratio', atMost: 0.125 },
  prepare: async (tools) => ({ ...(await portSeen.prepare(tools)), reference: async () => OTHERS_LOOK }),
}

function script(port: number): string {
  return [
    'import socket, time',
    's = socket.socket()',
    's.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)',
    `s.bind(("127.0.0.1", ${port}))`,
    'print("starting", flush=True)',
    's.listen()',
    't = time.time_ns() // 1000000',
    `print("listening", ${port}, t, flush=True)`,
    'time.sleep(1000)',
  ].join('\n')
}

/** When the port is in the list, in milliseconds since the epoch. */
function portAppears(berth: BenchEngine, workspaceId: string, port: number): Promise<number> {
  const { ports } = berth.engine.collections
  const id = `${workspaceId}:${port}`
  return new Promise((resolve) => {
    const stop = ports.onChange(() => {
      if (!ports.get(id)?.listeners.length) return
      void stop()
      resolve(Date.now())
    })
  })
}

interface BenchTerminal {
  type(text: string): void
  prints(pattern: RegExp): Promise<RegExpExecArray>
  close(): void
}

/** A session with a client attached, as a window has it. */
export async function openTerminal(berth: BenchEngine, workspaceId: string): Promise<BenchTerminal> {
  const size = { columns: 120, rows: 40 }
  const { sessionId } = await berth.engine.call('sessions.create', { workspaceId, ...size })
  const [client, server] = endpointPair()
  let text = ''
  const listeners = new Set<() => void>()
  client.onMessage((raw) => {
    const message = raw as StreamDown<'terminal'>
    if (message.type === 'data') {
      text = (text + Buffer.from(message.data).toString('latin1')).slice(-200_000)
      client.post({ type: 'ack', bytes: message.data.length })
    } else if (message.type === 'replay') text += Buffer.from(message.data).toString('latin1')
    for (const listener of [...listeners]) listener()
  })
  berth.engine.open('terminal', { sessionId, ...size }, server)
  return {
    type: (input) => client.post({ type: 'input', data: Buffer.from(input) }),
    prints: (pattern) =>
      new Promise((resolve) => {
        const look = () => {
          const match = pattern.exec(text)
          if (!match) return
          listeners.delete(look)
          resolve(match)
        }
        listeners.add(look)
        look()
      }),
    close: () => client.close(),
  }
}
