import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/**
 * Digest of all files that go into the agent's binaries: Go sources without tests, go.mod and go.sum. What Go leaves
 * out of `./...` is left out here too: testdata, vendor, and names that begin with a dot or an underscore.
 * @param {string} module folder of the Go module
 * @returns {string} sha256, hexadecimal
 */
export function digestOfSources(module) {
  const hash = createHash('sha256')
  for (const path of sourcesUnder(module, '').sort()) {
    const bytes = readFileSync(join(module, path))
    hash.update(`${path}\0${bytes.length}\0`).update(bytes)
  }
  return hash.digest('hex')
}

/** @param {string} module @param {string} folder ends with a slash, or is empty @returns {string[]} */
function sourcesUnder(module, folder) {
  return readdirSync(join(module, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = folder + entry.name
    if (/^[._]/.test(entry.name)) return []
    if (entry.isDirectory()) {
      return /^(testdata|vendor)$/.test(entry.name) ? [] : sourcesUnder(module, `${path}/`)
    }
    const isSource = /\.go$/.test(entry.name) && !/_test\.go$/.test(entry.name)
    return isSource || /^go\.(mod|sum)$/.test(path) ? [path] : []
  })
}
