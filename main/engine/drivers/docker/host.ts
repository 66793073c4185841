import { statfs } from 'node:fs/promises'
import type { Definition, HostRequirements } from '#contract'
import type { HostCheck } from '../driver'
import type { EngineClient } from './client'
import { QUICK } from './container/locate'

/** What of `GET /info` tells of the engine's machine. */
interface InfoAnswer {
  readonly NCPU?: number
  readonly MemTotal?: number
  readonly DockerRootDir?: string
  readonly Runtimes?: Readonly<Record<string, unknown>>
}

/** What a machine's firmware and kernel keep of the memory that it is sold with. */
const KEPT = 0.06

/** Whether containers on this engine can have a graphics processor: as NVIDIA's toolkit registers itself. */
const hasGpu = ({ Runtimes }: InfoAnswer) => Runtimes !== undefined && 'nvidia' in Runtimes

const info = (client: EngineClient, signal: AbortSignal) =>
  client.json<InfoAnswer>('GET', '/info', { timeout: QUICK, signal })

/**
 * What the engine lacks of what a definition asks for. `local`: its disk is this machine's. Rejects with raw errors.
 */
export async function checkHost(
  client: EngineClient,
  local: boolean,
  { cpus, memory, storage, gpu }: HostRequirements,
  signal: AbortSignal,
): Promise<HostCheck> {
  const engine = await info(client, signal)
  const shortages: string[] = []
  const { targetName } = client.identity
  if (cpus !== undefined && engine.NCPU !== undefined && engine.NCPU < cpus)
    shortages.push(`It asks for ${cpus} processors, and ${targetName} has ${engine.NCPU}`)
  if (memory !== undefined && engine.MemTotal !== undefined && engine.MemTotal < memory * (1 - KEPT))
    shortages.push(`It asks for ${size(memory)} of memory, and ${targetName} has ${size(engine.MemTotal)}`)
  const free = storage === undefined || !local ? undefined : await freeSpace(engine.DockerRootDir)
  if (storage !== undefined && free !== undefined && free < storage)
    shortages.push(`It asks for ${size(storage)} of disk, and ${targetName} has ${size(free)} free`)
  if (gpu !== 'required' || hasGpu(engine)) return { shortages }
  return {
    shortages,
    problem: {
      code: 'unsupported',
      title: `${targetName} has no graphics processor for containers`,
      cause: 'The definition cannot do without one (hostRequirements), and the engine has no NVIDIA runtime.',
      remedy:
        'Install the NVIDIA Container Toolkit on the machine of the engine, choose another target, or write "gpu": "optional".',
    },
  }
}

/** The graphics processors that a container gets, as the engine is asked for them. Never rejects. */
export async function gpuDevices(
  client: EngineClient,
  { hostRequirements }: Pick<Definition, 'hostRequirements'>,
  signal: AbortSignal,
): Promise<readonly object[]> {
  if (!hostRequirements?.gpu) return []
  const engine = await info(client, signal).catch(() => undefined)
  return engine && hasGpu(engine) ? [{ Driver: '', Count: -1, Capabilities: [['gpu']] }] : []
}

/** In bytes; undefined where it cannot be seen from here, as in an engine's virtual machine. */
async function freeSpace(folder: string | undefined): Promise<number | undefined> {
  if (folder === undefined) return undefined
  try {
    const { bavail, bsize } = await statfs(folder)
    return bavail * bsize
  } catch {
    return undefined
  }
}

/** In the units of the specification. */
function size(bytes: number): string {
  const units = ['B', 'KB', 'MB', 'GB', 'TB']
  const power = Math.min(units.length - 1, Math.floor(Math.log2(Math.max(1, bytes)) / 10))
  const number = bytes / 1024 ** power
  return `${number >= 100 || Number.isInteger(number) ? Math.round(number) : number.toFixed(1)} ${units[power]}`
}
