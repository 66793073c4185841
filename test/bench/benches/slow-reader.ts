import { connect } from 'node:net'
import type { Bench } from '../bench'
import { countBytes } from '../drain'
import { idleGrowth, readSlowly, settledMemory } from '../memory'
import { startServer } from '../published'
import { openEngine } from '../workspace'

/** What there is to read: far more than is read. */
const SIZE = 1_000_000_000
/** Read at full speed before, so that growth is not the first use of code and heap. */
const WARM_UP = 100_000_000
const PORT = 9000

/**
 * How much the memory of the process that runs the engine grows while 1 GB waits behind a reader that takes 1 MB/s.
 * A few seconds tell: what is not held back arrives in the first two.
 */
export const slowReader: Bench = {
  name: 'slow-reader',
  title: 'memory growth, 1 GB read at 1 MB/s: exec in odd rounds, a forward in even ones / no reader',
  unit: 'MB',
  target: { kind: 'value', atMost: 8 },
  rounds: 8,
  async prepare() {
    const berth = await openEngine()
    const workspace = await berth.workspace()
    await startServer(workspace.container, PORT, SIZE)
    const { localPort } = await berth.engine.call('ports.forward', { workspaceId: workspace.id, port: PORT })
    const link = berth.engine.links.get(workspace.id)
    const exec = async (bytes: number) => {
      const running = await link.exec({ command: ['head', '-c', String(bytes), '/dev/zero'] })
      return { stream: running.stdout, end: () => running.destroy() }
    }
    const forward = async () => {
      const socket = connect({ host: '127.0.0.1', port: localPort }, () => socket.write('b'))
      return { stream: socket, end: () => void socket.destroy() }
    }
    const worst = { exec: 0, forward: 0 }
    let resident = 0
    let round = 0
    const warm = await exec(WARM_UP)
    await countBytes(warm.stream)
    return {
      async ours() {
        const kind = round % 2 === 0 ? 'exec' : 'forward'
        round += 1
        const before = await settledMemory()
        const { stream, end } = await (kind === 'exec' ? exec(SIZE) : forward())
        const residentBefore = process.memoryUsage.rss()
        const peak = await readSlowly(stream)
        const growth = peak.held - before
        resident = Math.max(resident, peak.resident - residentBefore)
        end()
        worst[kind] = Math.max(worst[kind], growth / 1e6)
        return Math.max(0, growth / 1e6)
      },
      // A quotient by nothing says nothing: at least the resolution of the measurement.
      reference: async () => Math.max(0.1, (await idleGrowth()) / 1e6),
      facts: async () => [
        ...Object.entries(worst).map(([kind, value]) => ({
          what: `worst of ${kind}`,
          value: `${value.toFixed(1)} MB`,
          pass: value <= 8,
        })),
        // Also what the allocator keeps of pages that were in use before: told, not judged.
        { what: 'worst growth of resident memory', value: `${(resident / 1e6).toFixed(1)} MB`, pass: true },
      ],
      dispose: () => berth.dispose(),
    }
  },
}
