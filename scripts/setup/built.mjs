import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { exclusively, root } from './folders.mjs'
import { run } from './programs.mjs'
import { step } from './say.mjs'

/** What the built application is made of. */
const sources = [
  'contract',
  'main',
  'preload',
  'renderer',
  'cli',
  'package.json',
  'package-lock.json',
  'electron.vite.config.ts',
  'vite.config.ts',
  'tsconfig.json',
]
const outputs = [
  'out/main/index.js',
  'out/main/engine.js',
  'out/preload/index.cjs',
  'out/renderer/index.html',
  'out/cli/berth.js',
]

/** Builds the application into out/, if its sources are not those of the last build. */
export async function ensureBuilt() {
  if (isCurrent()) return
  await exclusively(async () => {
    if (isCurrent()) return
    await step('building', build)
  })
}

export async function build() {
  const digest = digestOfSources()
  const { code, output } = await run(process.execPath, [join(root, 'scripts/build.mjs')], { cwd: root })
  if (code !== 0) throw new Error(`The build failed:\n${output.trim()}`)
  writeFileSync(join(root, 'out/sources.sha256'), digest)
}

function isCurrent() {
  if (!outputs.every((path) => existsSync(join(root, path)))) return false
  try {
    return readFileSync(join(root, 'out/sources.sha256'), 'utf8') === digestOfSources()
  } catch {
    // No mark of a finished build.
    return false
  }
}

export function digestOfSources() {
  const hash = createHash('sha256')
  const add = (/** @type {string} */ path) => {
    hash.update(`${path}\0`)
    hash.update(readFileSync(join(root, path)))
  }
  const walk = (/** @type {string} */ folder) => {
    const entries = readdirSync(join(root, folder), { withFileTypes: true })
    for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
      const path = `${folder}/${entry.name}`
      if (entry.isDirectory()) walk(path)
      else if (entry.isFile() && !/\.(test|suite)\.(ts|tsx|mjs)$/.test(entry.name)) add(path)
    }
  }
  for (const source of sources) {
    if (/\.[a-z]+$/.test(source)) add(source)
    else walk(source)
  }
  return hash.digest('hex')
}
