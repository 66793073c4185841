import { connect } from 'node:net'
import type { Readable } from 'node:stream'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import type { Bench } from '../bench'
import { countBytes } from '../drain'
import { startServer } from '../published'
import { openEngine } from '../workspace'

/** What there is to read: far more than is read. */
const SIZE = 1_000_000_000
/** Bytes per second that the reader takes. */
const RATE = 1_000_000
const SECONDS = 8
/** Read at full speed before, so that growth is not the first use of code and heap. */
const WARM_UP = 100_000_000
const PORT = 9000
/** Milliseconds between two looks at the memory: each collects first, which takes some itself. */
const LOOK_EVERY = 200

// Available without a flag on the command line, so that `npm run bench` is all that it takes.
setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

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
        const peak = await slowly(stream)
        const growth = peak.held - before
        resident = Math.max(resident, peak.resident - residentBefore)
        end()
        worst[kind] = Math.max(worst[kind], growth / 1e6)
        return Math.max(0, growth / 1e6)
      },
      async reference() {
        const before = await settledMemory()
        let peak = before
        for (let tick = 0; tick < 20; tick += 1) {
          await pause(100)
          peak = Math.max(peak, memory())
        }
        // A quotient by nothing says nothing: at least the resolution of the measurement.
        return Math.max(0.1, (peak - before) / 1e6)
      },
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

/** Reads at `RATE` for some seconds and returns the highest memory seen, bytes. */
async function slowly(stream: Readable): Promise<{ readonly held: number; readonly resident: number }> {
  let peak = 0
  let resident = 0
  let taken = 0
  const started = performance.now()
  let look = started
  stream.pause()
  while (performance.now() - started < SECONDS * 1000) {
    const due = ((performance.now() - started) / 1000) * RATE
    while (taken < due) {
      const chunk = stream.read() as Buffer | null
      if (!chunk) break
      taken += chunk.length
    }
    if (performance.now() >= look) {
      peak = Math.max(peak, memory())
      resident = Math.max(resident, process.memoryUsage.rss())
      look = performance.now() + LOOK_EVERY
    }
    await pause(20)
  }
  if (taken < (RATE * SECONDS) / 2) throw new Error(`only ${taken} bytes came`)
  return { held: peak, resident }
}

/**
 * Live objects and buffers, after a collection: what a stopped reader holds on to. Without one it would count what
 * the other parts of the engine have let go of since the last, and resident memory what the allocator keeps.
 */
function memory(): number {
  collect()
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}

async function settledMemory(): Promise<number> {
  for (let count = 0; count < 3; count += 1) {
    collect()
    await pause(100)
  }
  return memory()
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds))
}
