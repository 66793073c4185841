// Stands where Electron's own default app stands in an official distribution: `electron [flags] <folder> [arguments]`
// loads the application in that folder. Copied into the runtime that scripts/registry-electron.mjs makes.
import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { app } from 'electron'

const folder = process.argv.slice(1).find((argument) => !argument.startsWith('-'))
if (!folder) {
  console.error('usage: electron [flags] <folder> [arguments]')
  app.exit(2)
} else {
  const root = resolve(folder)
  const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  Object.assign(process, { defaultApp: true })
  app.setName(manifest.productName ?? manifest.name)
  // What Electron's own default app calls; not in its public types.
  Object(app).setAppPath(root)
  await import(pathToFileURL(join(root, manifest.main)).href)
}
