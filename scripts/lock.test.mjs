import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'

/** @typedef {{ version?: string, integrity?: string, optional?: boolean, devOptional?: boolean, hasInstallScript?: boolean, engines?: { node?: string }, dependencies?: Record<string, string>, optionalDependencies?: Record<string, string>, devDependencies?: Record<string, string> }} Locked */

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const read = (/** @type {string} */ name) => JSON.parse(readFileSync(join(root, name), 'utf8'))
const manifest = read('package.json')
/** @type {Record<string, Locked>} */
const packages = read('package-lock.json').packages

/** @param {string} from @param {string} name */
function resolves(from, name) {
  for (let at = from; ; at = at.slice(0, Math.max(0, at.lastIndexOf('/node_modules/')))) {
    if (packages[`${at ? `${at}/` : ''}node_modules/${name}`]) return true
    if (at === '') return false
  }
}

describe('package-lock.json', () => {
  // npm drops optional packages that a registry did not show it, and `npm ci` then refuses the lock.
  it('holds every dependency of every package, for all platforms', () => {
    const missing = Object.entries(packages).flatMap(
      ([path, { dependencies, optionalDependencies, devDependencies }]) =>
        Object.keys({ ...dependencies, ...optionalDependencies, ...(path === '' ? devDependencies : {}) })
          .filter((name) => !resolves(path, name))
          .map((name) => `${path} needs ${name}`),
    )
    expect(missing).toEqual([])
  })

  it('is of the versions that package.json names, exactly', () => {
    for (const [name, version] of Object.entries(manifest.devDependencies)) {
      expect(version, name).toMatch(/^\d+\.\d+\.\d+/)
      expect(packages[`node_modules/${name}`]?.version, name).toBe(version)
    }
    expect(manifest.dependencies).toBeUndefined()
  })

  it('has checksums', () => {
    const without = Object.entries(packages)
      .filter(([path, { integrity, optional }]) => path !== '' && !integrity && !optional)
      .map(([path]) => path)
    expect(without).toEqual([])
  })
})
