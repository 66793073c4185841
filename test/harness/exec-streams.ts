import { createHash } from 'node:crypto'
import { once } from 'node:events'
import type { Readable } from 'node:stream'
import type { ExecProcess } from '../../main/engine/drivers/driver'

/** How long a reader stops, and how often memory is looked at meanwhile, in milliseconds. */
const STALL = 2_000
const LOOK = 100

/** Reads a stream to its end. */
export async function digestOf(
  stream: Readable,
): Promise<{ readonly size: number; readonly sha256: string }> {
  const hash = createHash('sha256')
  let size = 0
  for await (const chunk of stream) {
    size += (chunk as Buffer).length
    hash.update(chunk as Buffer)
  }
  return { size, sha256: hash.digest('hex') }
}

/**
 * Stops reading what a process prints as soon as there is something, and then reads it all. `held` is the most that was
 * used more than before while nobody read, by `memory`, in bytes.
 */
export async function stallReading(
  { stdout }: Pick<ExecProcess, 'stdout'>,
  memory: () => number,
): Promise<{ readonly held: number; readonly size: number }> {
  await once(stdout, 'readable')
  global.gc?.()
  const before = memory()
  let held = 0
  for (let waited = 0; waited < STALL; waited += LOOK) {
    await new Promise((resolve) => setTimeout(resolve, LOOK))
    held = Math.max(held, memory() - before)
  }
  const { size } = await digestOf(stdout)
  return { held, size }
}
