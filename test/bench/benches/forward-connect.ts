import type { Bench } from '../bench'
import { connectOnce } from '../connect'
import { publishedServer, startServer } from '../published'
import { quantile } from '../statistics'
import { openEngine } from '../workspace'

const CONNECTIONS = 100
const PORT = 9000

export const forwardConnect: Bench = {
  name: 'forward-connect',
  title: 'new connection and one byte back, p50 of 100 / a published port',
  unit: 'ms',
  target: { kind: 'report' },
  rounds: 9,
  async prepare() {
    const berth = await openEngine()
    const workspace = await berth.workspace()
    await startServer(workspace.container, PORT)
    const published = await publishedServer()
    const { localPort } = await berth.engine.call('ports.forward', { workspaceId: workspace.id, port: PORT })
    const all: number[] = []
    return {
      async ours() {
        const times = await connections(localPort)
        all.push(...times)
        return quantile(times, 0.5)
      },
      reference: async () => quantile(await connections(published.port), 0.5),
      facts: async () => [{ what: 'p99 of ours', value: `${quantile(all, 0.99).toFixed(2)} ms`, pass: true }],
      async dispose() {
        await published.dispose()
        await berth.dispose()
      },
    }
  },
}

async function connections(port: number): Promise<number[]> {
  const times: number[] = []
  for (let count = 0; count < CONNECTIONS; count += 1) times.push(await connectOnce(port))
  return times
}
