// Builds the parts named on the command line, or all, into out/. See vite.config.ts.
import { chmodSync, existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'vite'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const all = ['main', 'preload', 'cli', 'renderer']
const named = process.argv.slice(2)
const unknown = named.filter((part) => !all.includes(part))
if (unknown.length > 0) {
  console.error(`Unknown part ${unknown.join(', ')}: one of ${all.join(', ')}`)
  process.exit(2)
}

process.chdir(root)
process.env.NODE_ENV = 'production'
for (const part of named.length > 0 ? named : all) {
  const started = performance.now()
  await build({ configFile: join(root, 'vite.config.ts'), mode: part })
  console.error(`built ${part} in ${((performance.now() - started) / 1000).toFixed(1)} s`)
}

const berth = join(root, 'out/cli/berth.js')
if (existsSync(berth)) chmodSync(berth, 0o755)
