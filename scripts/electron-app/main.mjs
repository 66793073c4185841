// Stands where Electron's own default app stands in an official distribution:
// `electron [flags] [-r module] <folder> [arguments]` loads the application in that folder, after the modules. Copied
// into the runtime that scripts/registry-electron.mjs makes.
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { app } from 'electron'

const args = process.argv.slice(1)
const modules = []
let folder
while (folder === undefined && args.length > 0) {
  const argument = args.shift() ?? ''
  if (argument === '-r' || argument === '--require') modules.push(args.shift() ?? '')
  else if (!argument.startsWith('-')) folder = argument
}
if (!folder) {
  console.error('usage: electron [flags] [-r module] <folder> [arguments]')
  app.exit(2)
} else {
  const require = createRequire(import.meta.url)
  for (const module of modules) require(resolve(module))
  const root = resolve(folder)
  const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  Object.assign(process, { defaultApp: true })
  app.setName(manifest.productName ?? manifest.name)
  // What Electron's own default app calls; not in its public types.
  Object(app).setAppPath(root)
  await import(pathToFileURL(join(root, manifest.main)).href)
}
