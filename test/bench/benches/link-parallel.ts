import { connect } from 'node:net'
import type { Bench } from '../bench'
import { countBytes, megabytesPerSecond } from '../drain'
import { startServer } from '../published'
import { quantile } from '../statistics'
import { openEngine } from '../workspace'

const CONNECTIONS = 64
const SIZE = 20_000_000
const PORT = 9000

export const linkParallel: Bench = {
  name: 'link-parallel',
  title: '64 connections of 20 MB at once: time of the slowest / time of the median',
  unit: '',
  target: { kind: 'value', atMost: 1.5 },
  rounds: 7,
  async prepare() {
    const berth = await openEngine()
    const workspace = await berth.workspace()
    await startServer(workspace.container, PORT, SIZE)
    const { localPort } = await berth.engine.call('ports.forward', { workspaceId: workspace.id, port: PORT })
    const speeds: number[] = []
    return {
      async ours() {
        const started = performance.now()
        const times = await Promise.all(Array.from({ length: CONNECTIONS }, () => download(localPort)))
        speeds.push(megabytesPerSecond(CONNECTIONS * SIZE, performance.now() - started))
        return Math.max(...times) / quantile(times, 0.5)
      },
      facts: async () => [
        { what: 'all together, p50', value: `${quantile(speeds, 0.5).toFixed(0)} MB/s`, pass: true },
      ],
      dispose: () => berth.dispose(),
    }
  },
}

/** Milliseconds from connecting to the last byte. */
async function download(port: number): Promise<number> {
  const started = performance.now()
  const socket = connect({ host: '127.0.0.1', port }, () => socket.write('b'))
  const bytes = await countBytes(socket)
  socket.destroy()
  if (bytes !== SIZE) throw new Error(`${bytes} of ${SIZE} bytes came`)
  return performance.now() - started
}
