import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { exclusively, root } from './folders.mjs'
import { npmCli, run } from './programs.mjs'
import { step } from './say.mjs'

/** Installs what package-lock.json names, if it is not there as named. */
export async function ensureDependencies() {
  if (areCurrent()) return
  await exclusively(async () => {
    if (areCurrent()) return
    await step('installing dependencies', async () => {
      const { code, output } = await run(
        process.execPath,
        [npmCli(), 'ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'],
        { cwd: root, env: { ...process.env, NODE_ENV: 'development' } },
      )
      if (code !== 0) {
        const reason = output.trim().split('\n').slice(0, 12).join('\n')
        throw new Error(`npm ci failed. Is the npm registry reachable?\n${reason}`)
      }
    })
  })
}

/**
 * Whether node_modules holds what the lock names. npm writes down at the end of an installation what it installed;
 * optional packages for other platforms are not in it.
 */
export function areCurrent(folder = root) {
  const wanted = packagesIn(join(folder, 'package-lock.json'))
  const present = packagesIn(join(folder, 'node_modules/.package-lock.json'))
  if (!wanted || !present) return false
  for (const [path, { version, optional, devOptional }] of Object.entries(wanted)) {
    if (path === '') continue
    const installed = present[path]
    if (installed ? installed.version !== version : !optional && !devOptional) return false
  }
  return Object.keys(present).every((path) => path in wanted)
}

/**
 * @param {string} path
 * @returns {Record<string, { version?: string, optional?: boolean, devOptional?: boolean }> | undefined}
 */
function packagesIn(path) {
  try {
    return JSON.parse(readFileSync(path, 'utf8')).packages
  } catch {
    // Missing or broken: both mean that it has to be made.
    return undefined
  }
}
