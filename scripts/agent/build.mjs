import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { constants, gunzipSync, gzipSync } from 'node:zlib'
import { run } from '../setup/programs.mjs'
import { compile } from './compile.mjs'
import { findGo } from './go.mjs'
import { digestOf, manifestPath, readManifest } from './manifest.mjs'
import { architectures, packedName } from './places.mjs'
import { digestOfSources } from './sources.mjs'
import { inTemporaryFolder } from './temporary.mjs'

/** @typedef {import('./places.mjs').Architecture} Architecture */
/** @typedef {import('./manifest.mjs').Manifest} Manifest */

/** Builds the agent with another Go than the last time, and makes that the one it is built with. */
export const newGoOption = '--new-go'

/** @type {Partial<Record<NodeJS.Architecture, Architecture>>} */
const byNodeName = { x64: 'amd64', arm64: 'arm64' }

/**
 * Builds the agent for all architectures and writes the packed binaries, then the manifest. What is there stays as it
 * is until everything is built.
 * @param {import('./places.mjs').Places} places
 * @param {{ newGo?: boolean }} [options] whether another Go than the manifest's may be taken
 * @returns {Promise<Manifest>}
 */
export async function buildAgent(places, { newGo = false } = {}) {
  if (!existsSync(join(places.module, 'go.mod'))) throw new Error(`${places.module} is no Go module`)
  const native = process.platform === 'linux' ? byNodeName[process.arch] : undefined
  if (!native) {
    throw new Error('the agent is built on Linux on x64 or arm64: it is asked there which version it is')
  }
  const wanted = newGo ? undefined : readManifest(places)?.go
  const found = await findGo(places.module, wanted)
  if ('problem' in found) {
    const other = wanted
      ? `. To build with another Go from now on: npm run build:agent -- ${newGoOption}`
      : ''
    throw new Error(found.problem + other)
  }
  const { go } = found
  const sources = digestOfSources(places.module)
  return inTemporaryFolder(async (folder) => {
    const amd64 = await compile(go, places.module, 'amd64', folder)
    const arm64 = await compile(go, places.module, 'arm64', folder)
    const identity = await identityOf({ amd64, arm64 }[native].file)
    /** @type {Manifest} */
    const manifest = {
      ...identity,
      go: go.version,
      sources,
      binaries: { amd64: describe('amd64', amd64.bytes), arm64: describe('arm64', arm64.bytes) },
    }
    mkdirSync(places.built, { recursive: true })
    // Without it while binaries and manifest are of different builds.
    rmSync(manifestPath(places.built), { force: true })
    for (const architecture of architectures) {
      writePacked(join(places.built, packedName(architecture)), { amd64, arm64 }[architecture].bytes)
    }
    writeFileSync(manifestPath(places.built), `${JSON.stringify(manifest, null, 2)}\n`)
    return manifest
  })
}

/** @param {Architecture} architecture @param {Buffer} bytes */
const describe = (architecture, bytes) => ({
  file: packedName(architecture),
  sha256: digestOf(bytes),
  size: bytes.length,
})

/** What a built agent says of itself. @param {string} binary */
async function identityOf(binary) {
  const { code, output } = await run(binary, ['version'], { timeout: 10_000 })
  try {
    const { version, revision } = JSON.parse(output)
    if (code === 0 && typeof version === 'string' && Number.isSafeInteger(revision))
      return { version, revision }
  } catch {
    // No JSON: said below.
  }
  throw new Error(`"berth-agent version" must print {"version","revision"}, and printed (${code}): ${output}`)
}

/**
 * Compression may differ from one Node to the next: a file that holds the same already is left as it is.
 * @param {string} path
 * @param {Buffer} bytes
 */
function writePacked(path, bytes) {
  try {
    if (gunzipSync(readFileSync(path)).equals(bytes)) return
  } catch {
    // Not there, or broken: written anew.
  }
  const packed = gzipSync(bytes, { level: constants.Z_BEST_COMPRESSION })
  // RFC 1952, 2.3: no time of modification, and no word on the system that packed it.
  packed.writeUInt32LE(0, 4)
  packed[9] = 255
  writeFileSync(path, packed)
}
