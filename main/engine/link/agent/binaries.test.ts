import { createHash } from 'node:crypto'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { gzipSync } from 'node:zlib'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { readBinary, readManifest } from './binaries'

let resources: string

beforeEach(async () => {
  resources = await mkdtemp(join(tmpdir(), 'berth-binaries-'))
  await mkdir(join(resources, 'agent'))
  await write({})
})
afterEach(() => rm(resources, { recursive: true, force: true }))

const binary = Buffer.from('an agent for x64, '.repeat(10_000))
const digest = createHash('sha256').update(binary).digest('hex')
const described = { file: 'berth-agent-linux-amd64.gz', sha256: digest, size: binary.length }

/** A folder as `npm run build:agent` leaves it, but for what a test wants otherwise. */
async function write({ packed = gzipSync(binary), amd64 = {}, manifest = {} }) {
  const agent = join(resources, 'agent')
  await writeFile(join(agent, described.file), packed)
  const arm64 = { ...described, file: 'berth-agent-linux-arm64.gz' }
  const whole = {
    version: '0.1.0',
    revision: 1,
    go: 'go1.26.8',
    sources: digest,
    binaries: { amd64: { ...described, ...amd64 }, arm64 },
    ...manifest,
  }
  await writeFile(join(agent, 'manifest.json'), JSON.stringify(whole))
}

describe('the manifest of the agent', () => {
  it('says which agent Berth was shipped with', async () => {
    expect(await readManifest(resources)).toMatchObject({
      version: '0.1.0',
      revision: 1,
      binaries: { amd64: described },
    })
  })

  it('is missed with its path', async () => {
    await rm(join(resources, 'agent/manifest.json'))
    await expect(readManifest(resources)).rejects.toThrow(join(resources, 'agent/manifest.json'))
  })

  it.each([
    ['a digest of another length', { amd64: { sha256: 'abc' } }],
    ['a file elsewhere', { amd64: { file: '../berth-agent.gz' } }],
    ['a size beyond reason', { amd64: { size: 2 ** 40 } }],
    ['no revision', { manifest: { revision: undefined } }],
  ])('is refused with %s', async (_what, change) => {
    await write(change)
    await expect(readManifest(resources)).rejects.toThrow('does not describe the agent')
  })

  it('is refused where it is no JSON', async () => {
    await writeFile(join(resources, 'agent/manifest.json'), '{"version":')
    await expect(readManifest(resources)).rejects.toThrow('does not describe the agent')
  })
})

describe('a binary of the agent', () => {
  it('is unpacked as it was built', async () => {
    const { bytes, sha256 } = await readBinary(resources, 'amd64')
    expect(bytes.equals(binary)).toBe(true)
    expect(sha256).toBe(digest)
  })

  it('is the same for all that ask at once, and for who asks while it is held', async () => {
    const [one, other] = await Promise.all([readBinary(resources, 'amd64'), readBinary(resources, 'amd64')])
    expect(other?.bytes).toBe(one?.bytes)
    expect((await readBinary(resources, 'amd64')).bytes).toBe(one?.bytes)
  })

  it('is another one after the next build', async () => {
    const { bytes } = await readBinary(resources, 'amd64')
    const newer = Buffer.from('a newer agent')
    const sha256 = createHash('sha256').update(newer).digest('hex')
    await write({ packed: gzipSync(newer), amd64: { sha256, size: newer.length } })
    expect((await readBinary(resources, 'amd64')).bytes.toString()).toBe('a newer agent')
    expect(bytes.equals(binary)).toBe(true)
  })

  it('goes from memory with the last who holds it', async () => {
    const reference = new WeakRef((await readBinary(resources, 'amd64')).bytes)
    setFlagsFromString('--expose-gc')
    const collect: () => void = runInNewContext('gc')
    // What a promise was settled with may be held until the next turn or two.
    for (let turn = 0; turn < 500 && reference.deref(); turn += 1) {
      await new Promise((resolve) => setTimeout(resolve, 10))
      collect()
    }
    expect(reference.deref()).toBeUndefined()
    expect((await readBinary(resources, 'amd64')).bytes.equals(binary)).toBe(true)
  })

  it('is missed with its path, and found once it is there', async () => {
    await rm(join(resources, 'agent', described.file))
    await expect(readBinary(resources, 'amd64')).rejects.toThrow(join(resources, 'agent', described.file))
    await write({})
    expect((await readBinary(resources, 'amd64')).sha256).toBe(digest)
  })

  it.each([
    ['another program of that length', gzipSync(Buffer.alloc(binary.length, 'x')), 'is not the agent that'],
    ['a shorter one', gzipSync(binary.subarray(1)), 'is not the agent that'],
    ['more than it may be', gzipSync(Buffer.concat([binary, binary])), 'cannot be unpacked'],
    ['half of its file', gzipSync(binary).subarray(0, 100), 'cannot be unpacked'],
    ['something that is no gzip', Buffer.from('MZ'), 'cannot be unpacked'],
  ])('is refused where there is %s', async (_what, packed, message) => {
    await write({ packed })
    await expect(readBinary(resources, 'amd64')).rejects.toThrow(message)
  })
})
