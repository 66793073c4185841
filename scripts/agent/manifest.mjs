import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'

/** @typedef {import('./places.mjs').Places} Places */
/** @typedef {import('./places.mjs').Architecture} Architecture */

/**
 * What resources/agent holds, and what it was built of.
 * @typedef {object} Manifest
 * @property {string} version the agent's own
 * @property {number} revision of the protocol that it speaks
 * @property {string} go what built it, as Go names itself: `go1.26.8`
 * @property {string} sources digest of the sources, see `digestOfSources`
 * @property {Record<Architecture, { file: string, sha256: string, size: number }>} binaries digest and size in bytes
 * of each once it is unpacked
 */

/** @param {string} built @returns {string} */
export const manifestPath = (built) => join(built, 'manifest.json')

/**
 * @param {Places} places
 * @returns {Manifest | undefined} nothing where the agent was never built
 */
export function readManifest({ built }) {
  let text
  try {
    text = readFileSync(manifestPath(built), 'utf8')
  } catch (error) {
    if (/** @type {NodeJS.ErrnoException} */ (error).code === 'ENOENT') return undefined
    throw error
  }
  return JSON.parse(text)
}

/** @param {Uint8Array} bytes */
export const digestOf = (bytes) => createHash('sha256').update(bytes).digest('hex')

/**
 * Why a packed binary is not the one that the manifest describes, if so.
 * @param {Places} places
 * @param {Manifest} manifest
 * @param {Architecture} architecture
 * @returns {string | undefined}
 */
export function whyNotAsDescribed({ built }, manifest, architecture) {
  const described = manifest.binaries?.[architecture]
  if (!described) return 'manifest.json does not name it'
  let bytes
  try {
    bytes = gunzipSync(readFileSync(join(built, described.file)))
  } catch (error) {
    return `${described.file}: ${error instanceof Error ? error.message : String(error)}`
  }
  if (bytes.length !== described.size) {
    return `${described.file} unpacks to ${bytes.length} bytes, and manifest.json says ${described.size}`
  }
  const digest = digestOf(bytes)
  return digest === described.sha256
    ? undefined
    : `${described.file} unpacks to sha256 ${digest}, and manifest.json says ${described.sha256}`
}
