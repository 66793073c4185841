// Builds the parts named on the command line, or all, into out/: `app` (electron.vite.config.ts) and `cli`
// (vite.config.ts).
import { chmodSync } from 'node:fs'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build as buildApp } from 'electron-vite'
import { build } from 'vite'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const cli = 'out/cli/berth.js'

/** @type {Record<string, () => Promise<unknown>>} */
const parts = {
  app: () => buildApp({ configFile: 'electron.vite.config.ts', logLevel: 'warn' }),
  async cli() {
    await build({ configFile: 'vite.config.ts', logLevel: 'warn' })
    chmodSync(cli, 0o755)
  },
}

const named = process.argv.slice(2)
const unknown = named.filter((part) => !Object.hasOwn(parts, part))
if (unknown.length > 0) {
  console.error(`Unknown part ${unknown.join(', ')}: one of ${Object.keys(parts).join(', ')}`)
  process.exit(2)
}

process.chdir(root)
process.env.NODE_ENV = 'production'
for (const part of named.length > 0 ? named : Object.keys(parts)) {
  const started = performance.now()
  await parts[part]?.()
  console.error(`built ${part} in ${((performance.now() - started) / 1000).toFixed(1)} s`)
}
