import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { gunzip } from 'node:zlib'
import { z } from 'zod'

/** The architectures of workspaces that there is an agent for, by Go's names. */
export type Architecture = 'amd64' | 'arm64'

const Described = z.object({
  /** Its name beside the manifest, packed by gzip. */
  file: z.string().regex(/^[\w.-]+\.gz$/),
  /** Digest of the unpacked binary, hexadecimal. */
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
  /** Bytes of the unpacked binary; more than any agent has would be held in memory for nothing. */
  size: z
    .number()
    .int()
    .positive()
    .max(64 * 1024 * 1024),
})

/** What `resources/agent` holds, as `npm run build:agent` writes it down. */
const AgentManifest = z.object({
  /** The agent's own version. */
  version: z.string(),
  /** Of the protocol that it speaks. */
  revision: z.number().int().nonnegative(),
  /** What built it, as Go names itself: `go1.26.8`. */
  go: z.string(),
  binaries: z.object({ amd64: Described, arm64: Described }),
})
export type AgentManifest = z.infer<typeof AgentManifest>

/** An agent to be put into a workspace: the program itself, and its digest in hexadecimal. */
export interface AgentBinary {
  readonly bytes: Buffer
  readonly sha256: string
}

const unpack = promisify(gunzip)

/** Binaries under way, and those that somebody still holds: several workspaces that start at once share one. */
const underWay = new Map<string, Promise<AgentBinary>>()
const held = new Map<string, WeakRef<Buffer>>()

/**
 * Reads which agents Berth was shipped with.
 * @param resources the folder of files shipped with Berth
 * @throws an Error that names the file, where it is not there or not what it should be
 */
export async function readManifest(resources: string): Promise<AgentManifest> {
  const path = join(resources, 'agent', 'manifest.json')
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    throw new Error(`There is no agent to put into workspaces: ${path} cannot be read`, { cause: error })
  })
  try {
    return AgentManifest.parse(JSON.parse(text))
  } catch (error) {
    const why = error instanceof z.ZodError ? z.prettifyError(error) : String(error)
    throw new Error(`${path} does not describe the agent: ${why}`, { cause: error })
  }
}

/**
 * Reads and unpacks an agent, and holds it against the manifest. What it returns is kept only as long as a caller
 * holds `bytes`, which nobody may change.
 * @param resources the folder of files shipped with Berth
 * @throws an Error that names the file, where it is not there, is broken, or is not what the manifest describes
 */
export async function readBinary(resources: string, architecture: Architecture): Promise<AgentBinary> {
  const { file, sha256, size } = (await readManifest(resources)).binaries[architecture]
  const path = join(resources, 'agent', file)
  const key = `${path}\0${sha256}`
  const bytes = held.get(key)?.deref()
  if (bytes) return { bytes, sha256 }
  const reading = underWay.get(key) ?? read(path, sha256, size)
  underWay.set(key, reading)
  try {
    const binary = await reading
    held.set(key, new WeakRef(binary.bytes))
    return binary
  } finally {
    underWay.delete(key)
  }
}

async function read(path: string, sha256: string, size: number): Promise<AgentBinary> {
  const bytes = await readFile(path)
    .then((packed) => unpack(packed, { maxOutputLength: size }))
    .catch((error: unknown) => {
      const why = error instanceof Error ? error.message : String(error)
      throw new Error(`The agent cannot be unpacked from ${path}: ${why}`, { cause: error })
    })
  const digest = createHash('sha256').update(bytes).digest('hex')
  if (bytes.length === size && digest === sha256) return { bytes, sha256 }
  throw new Error(
    `${path} is not the agent that manifest.json describes: ${bytes.length} bytes with sha256 ${digest}, not ${size} with ${sha256}`,
  )
}
