import { spawn } from 'node:child_process'
import type { Bench } from '../bench'
import { connectOnce } from '../connect'
import { startServer } from '../published'
import { quantile } from '../statistics'
import { openEngine } from '../workspace'

const CONNECTIONS = 100
/** Each takes a process in the container. */
const RELAYS = 10
const PORT = 9000
/** Brings what it reads to the port, and what comes back to its output. */
const relay = `import socket, sys
s = socket.create_connection(("127.0.0.1", ${PORT}))
s.sendall(sys.stdin.buffer.read(1))
sys.stdout.buffer.write(s.recv(1))`

export const linkConnect: Bench = {
  name: 'link-connect',
  title: 'new connection over the link and one byte back, p50 of 100 / one docker exec relay each',
  unit: 'ms',
  target: { kind: 'ratio', atMost: 0.05 },
  rounds: 7,
  async prepare() {
    const berth = await openEngine()
    const workspace = await berth.workspace()
    await startServer(workspace.container, PORT)
    const { localPort } = await berth.engine.call('ports.forward', { workspaceId: workspace.id, port: PORT })
    const all: number[] = []
    return {
      async ours() {
        const times: number[] = []
        for (let count = 0; count < CONNECTIONS; count += 1) times.push(await connectOnce(localPort))
        all.push(...times)
        return quantile(times, 0.5)
      },
      async reference() {
        const times: number[] = []
        for (let count = 0; count < RELAYS; count += 1) times.push(await relayed(workspace.container))
        return quantile(times, 0.5)
      },
      facts: async () => [{ what: 'p99 of ours', value: `${quantile(all, 0.99).toFixed(2)} ms`, pass: true }],
      dispose: () => berth.dispose(),
    }
  },
}

function relayed(container: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const started = performance.now()
    const child = spawn('docker', ['exec', '-i', container, 'python3', '-c', relay], {
      stdio: ['pipe', 'pipe', 'ignore'],
    })
    let took: number | undefined
    child.stdout.once('data', () => {
      took = performance.now() - started
    })
    child.once('error', reject)
    child.once('close', () =>
      took === undefined ? reject(new Error('the relay said nothing')) : resolve(took),
    )
    child.stdin.end('x')
  })
}
