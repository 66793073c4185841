// Checks the import law (scripts/import-law/rules.mjs) over all sources. Prints file:line and the rule of each
// breach, and exits with 1 if there is one. An argument names another root, for tests.
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { importsOf, resolveImport } from './import-law/imports.mjs'
import { breachOf } from './import-law/rules.mjs'

const rooms = ['contract', 'main', 'preload', 'renderer', 'cli', 'agent', 'test', 'scripts']

/**
 * @param {string} root absolute path of a repository
 * @returns {{ files: number, breaches: string[] }} each breach as `file:line: imports "x": rule`
 */
export function checkImportLaw(root) {
  const breaches = []
  let files = 0
  for (const room of rooms) {
    for (const file of sourcesUnder(root, room)) {
      files += 1
      const path = join(root, file)
      for (const { specifier, line, names } of importsOf(path, readFileSync(path, 'utf8'))) {
        const rule = breachOf(file, resolveImport(root, path, specifier), names)
        if (rule) breaches.push(`${file}:${line}: imports "${specifier}": ${rule}`)
      }
    }
  }
  return { files, breaches }
}

/**
 * @param {string} root
 * @param {string} folder
 * @returns {Generator<string>}
 */
function* sourcesUnder(root, folder) {
  let entries
  try {
    entries = readdirSync(join(root, folder), { withFileTypes: true })
  } catch (error) {
    if (/** @type {NodeJS.ErrnoException} */ (error).code === 'ENOENT') return
    throw error
  }
  for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    if (entry.isDirectory() && entry.name !== 'node_modules')
      yield* sourcesUnder(root, `${folder}/${entry.name}`)
    else if (/\.(ts|tsx|mts|mjs|js|cjs)$/.test(entry.name)) yield `${folder}/${entry.name}`
  }
}

if (process.argv[1] && resolve(process.argv[1]) === fileURLToPath(import.meta.url)) {
  const root = resolve(process.argv[2] ?? dirname(dirname(fileURLToPath(import.meta.url))))
  const { files, breaches } = checkImportLaw(root)
  for (const breach of breaches) console.error(breach)
  console.error(
    breaches.length === 0
      ? `Import law: ${files} files, no breach.`
      : `Import law: ${files} files, ${breaches.length} ${breaches.length === 1 ? 'breach' : 'breaches'}.`,
  )
  process.exitCode = breaches.length === 0 ? 0 : 1
}
