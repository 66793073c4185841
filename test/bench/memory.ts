import type { Readable, Writable } from 'node:stream'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

/** Bytes per second that a slow reader takes. */
const RATE = 1_000_000
/** How long a slow reader reads, and a writer writes to who does not read. What is not held back arrives in the first two seconds. */
const SECONDS = 8
/** Milliseconds between two looks at the memory: each collects first, which takes some itself. */
const LOOK_EVERY = 200
/** Bytes of one piece that is written. */
const PIECE = 64 * 1024

// Available without a flag on the command line, so that `npm run bench` is all that it takes.
setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

/** The highest that was seen, bytes. */
export interface Peak {
  readonly held: number
  readonly resident: number
}

/** Reads at 1 MB/s for some seconds. Rejects where less than half of that came. */
export async function readSlowly(stream: Readable): Promise<Peak> {
  let taken = 0
  stream.pause()
  const peak = await watching((elapsed) => {
    const due = (elapsed / 1000) * RATE
    while (taken < due) {
      const chunk = stream.read() as Buffer | null
      if (!chunk) break
      taken += chunk.length
    }
  })
  if (taken < (RATE * SECONDS) / 2) throw new Error(`only ${taken} bytes came`)
  return peak
}

/**
 * Writes for some seconds what the stream takes, up to `size` bytes, and no more than it asks for. Rejects where all of
 * it was taken: then somebody read, or hoards it.
 */
export async function writeStalled(stream: Writable, size: number): Promise<Peak> {
  const piece = Buffer.alloc(PIECE)
  let given = 0
  const peak = await watching(() => {
    while (given < size && !stream.writableNeedDrain && !stream.destroyed) {
      stream.write(piece)
      given += PIECE
    }
  })
  if (stream.destroyed) throw new Error('the stream ended')
  if (given >= size) throw new Error(`all of ${size} bytes was taken`)
  return peak
}

/** Calls every 20 ms, with the milliseconds so far, and looks at the memory meanwhile. */
async function watching(step: (elapsed: number) => void): Promise<Peak> {
  let held = 0
  let resident = 0
  const started = performance.now()
  let look = started
  while (performance.now() - started < SECONDS * 1000) {
    step(performance.now() - started)
    if (performance.now() >= look) {
      held = Math.max(held, memory())
      resident = Math.max(resident, process.memoryUsage.rss())
      look = performance.now() + LOOK_EVERY
    }
    await pause(20)
  }
  return { held, resident }
}

/** How much it grows, bytes, while nothing happens: the resolution of the measurement. */
export async function idleGrowth(): Promise<number> {
  const before = await settledMemory()
  let peak = before
  for (let tick = 0; tick < 20; tick += 1) {
    await pause(100)
    peak = Math.max(peak, memory())
  }
  return peak - before
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

export async function settledMemory(): Promise<number> {
  for (let count = 0; count < 3; count += 1) {
    collect()
    await pause(100)
  }
  return memory()
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds))
}
