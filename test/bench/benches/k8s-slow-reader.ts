import { connect } from 'node:net'
import type { Duplex, Readable, Writable } from 'node:stream'
import type { Bench } from '../bench'
import { countBytes } from '../drain'
import { openPlace } from '../kubernetes/place'
import { SERVER_PORT, say, startPodServer } from '../kubernetes/pod-server'
import { idleGrowth, type Peak, readSlowly, settledMemory, writeStalled } from '../memory'

/** What there is to read, or to write. */
const SIZE = 1_000_000_000
/** Moved at full speed before, each way, so that growth is not the first use of code and heap. */
const WARM_UP = 100_000_000
/** Megabytes. */
const AT_MOST = 8

/** How much the memory of the process that runs the engine grows while 1 GB waits for who does not take it. */
export const slowReader: Bench = {
  name: 'k8s-slow-reader',
  title:
    'memory growth, 1 GB read at 1 MB/s and 1 GB into a stalled peer, by a forward and by exec in turn / nothing going on',
  unit: 'MB',
  target: { kind: 'value', atMost: AT_MOST },
  rounds: 8,
  async prepare() {
    const place = await openPlace()
    const workspace = await place.berth.workspace()
    await startPodServer(place, workspace.container)
    const { engine } = place.berth
    const { localPort } = await engine.call('ports.forward', {
      workspaceId: workspace.id,
      port: SERVER_PORT,
    })
    const link = engine.links.get(workspace.id)
    const forward = (beginning: string): Duplex => {
      const socket = connect({ host: '127.0.0.1', port: localPort })
      socket.on('error', () => undefined)
      socket.write(beginning)
      return socket
    }
    const ways: Record<string, () => Promise<Peak>> = {
      'forward, read slowly': () => using(forward(say.send(SIZE)), readSlowly),
      'exec, read slowly': async () => {
        const running = await link.exec({ command: ['head', '-c', String(SIZE), '/dev/zero'] })
        return readSlowly(running.stdout).finally(() => running.destroy())
      },
      'forward, written to who does not read': () =>
        using(forward(say.stall), (stream) => writeStalled(stream, SIZE)),
      'exec, written to who does not read': async () => {
        const running = await link.exec({ command: ['sleep', '3600'] })
        return writeStalled(running.stdin, SIZE).finally(() => running.destroy())
      },
    }
    const worst = new Map<string, number>()
    let resident = 0
    let round = 0
    await countBytes(forward(say.send(WARM_UP)))
    const warm = await link.exec({ command: ['head', '-c', String(WARM_UP)] })
    await Promise.all([countBytes(warm.stdout), writeAll(warm.stdin, WARM_UP)])
    return {
      async ours() {
        const [name, way] = Object.entries(ways)[round % 4] ?? []
        if (!name || !way) throw new Error('there are four ways')
        round += 1
        const before = await settledMemory()
        const residentBefore = process.memoryUsage.rss()
        const peak = await way()
        const growth = Math.max(0, peak.held - before) / 1e6
        resident = Math.max(resident, peak.resident - residentBefore)
        worst.set(name, Math.max(worst.get(name) ?? 0, growth))
        return growth
      },
      // A quotient by nothing says nothing: at least the resolution of the measurement.
      reference: async () => Math.max(0.1, (await idleGrowth()) / 1e6),
      facts: async () => [
        ...[...worst].map(([name, value]) => ({
          what: `worst of ${name} (<= ${AT_MOST} MB)`,
          value: `${value.toFixed(1)} MB`,
          pass: value <= AT_MOST,
        })),
        // Also what the allocator keeps of pages that were in use before: told, not judged.
        { what: 'worst growth of resident memory', value: `${(resident / 1e6).toFixed(1)} MB`, pass: true },
      ],
      dispose: () => place.dispose(),
    }
  },
}

async function using<T extends Readable & Writable>(
  stream: T,
  use: (stream: T) => Promise<Peak>,
): Promise<Peak> {
  try {
    return await use(stream)
  } finally {
    stream.destroy()
  }
}

async function writeAll(stream: Writable, size: number): Promise<void> {
  const piece = Buffer.alloc(64 * 1024)
  for (let left = size; left > 0; left -= piece.length) {
    const more = stream.write(piece.subarray(0, left))
    if (!more) await new Promise<void>((resolve) => stream.once('drain', resolve))
  }
  stream.end()
}
