// Runs a TypeScript program of the repository: `node scripts/run-typescript.mjs test/bench/run.ts [arguments]`.
// Bundles what the repository holds, leaves packages to Node. The bundle lies beside node_modules, where they are found.
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { build } from 'vite'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const [entry, ...args] = process.argv.slice(2)
if (!entry) {
  console.error('usage: node scripts/run-typescript.mjs <file.ts> [arguments]')
  process.exit(2)
}
const parent = join(root, '.cache')
mkdirSync(parent, { recursive: true })
const out = mkdtempSync(join(parent, 'run-'))
process.once('exit', () => rmSync(out, { recursive: true, force: true }))
/** The set-up scripts find the repository by where they lie themselves, so they stay there. */
const leaveSetup = {
  name: 'berth:leave-setup',
  enforce: /** @type {const} */ ('pre'),
  /** @param {string} source @param {string | undefined} importer */
  resolveId(source, importer) {
    if (!importer || !/scripts\/setup\/[^/]+\.mjs$/.test(source)) return null
    return { id: pathToFileURL(resolve(dirname(importer), source)).href, external: true }
  },
}

await build({
  configFile: false,
  root,
  logLevel: 'warn',
  publicDir: false,
  plugins: [leaveSetup],
  // main/engine/terminals/unicode/graphemes.ts has to run something before this one is loaded; as a package of its own
  // it would be loaded first, and then, depending on what lies in Node's buffer pool, never come to an end.
  ssr: { noExternal: ['@xterm/addon-unicode-graphemes'] },
  build: {
    ssr: true,
    target: 'node20.18',
    outDir: out,
    minify: false,
    reportCompressedSize: false,
    rolldownOptions: { input: { program: resolve(root, entry) }, output: { entryFileNames: '[name].mjs' } },
  },
})
process.argv.splice(1, process.argv.length - 1, resolve(root, entry), ...args)
await import(pathToFileURL(join(out, 'program.mjs')).href)
