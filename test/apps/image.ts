import { createHash } from 'node:crypto'
import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { browserPath } from '../harness/browser'
import { command, tryCommand } from '../harness/command'
import { ensureImages } from '../harness/images'
import { withLock } from '../harness/lock'

export const APPS_IMAGE = 'berth-test/apps'
const VITE = '8.3.8'
const recipeLabel = 'dev.berth.test-recipe'
const dockerfile = join(import.meta.dirname, 'Dockerfile')

/** Why this machine cannot run the tests with real apps; undefined when it can, and the image is there. */
export async function whyNoApps(): Promise<string | undefined> {
  return browserPath ? ensureAppsImage() : 'this machine has no Chromium (apt-get install chromium)'
}

/**
 * Makes the image with the real apps where it is missing or of an older recipe; two to three minutes. Returns why it
 * cannot be made (a registry out of reach), or undefined when it is there.
 */
async function ensureAppsImage(): Promise<string | undefined> {
  await ensureImages(['debian'])
  return withLock('berth-test-image-apps', async () => {
    const digest = await recipeDigest()
    const { code, stdout } = await tryCommand('docker', [
      'image',
      'inspect',
      '--format',
      `{{index .Config.Labels "${recipeLabel}"}}`,
      APPS_IMAGE,
    ])
    if (code === 0 && stdout.trim() === digest) return undefined
    const folder = await mkdtemp(join(tmpdir(), 'berth-test-apps-'))
    try {
      const vite = join(folder, 'vite')
      await mkdir(vite)
      await writeFile(join(vite, 'package.json'), '{"private":true,"type":"module"}')
      const npm = await tryCommand(
        'npm',
        ['install', '--no-audit', '--no-fund', '--ignore-scripts', '--save-exact', `vite@${VITE}`],
        { cwd: vite, timeoutMilliseconds: 5 * 60_000 },
      )
      if (npm.code !== 0) return `npm could not install Vite: ${npm.stderr.slice(-1000)}`
      await copyFile(process.execPath, join(folder, 'node'))
      await copyFile(dockerfile, join(folder, 'Dockerfile'))
      const build = await tryCommand(
        'docker',
        ['build', '--label', `${recipeLabel}=${digest}`, '--tag', APPS_IMAGE, folder],
        { timeoutMilliseconds: 15 * 60_000 },
      )
      if (build.code !== 0)
        return `the image could not be built: ${(build.stdout + build.stderr).slice(-2000)}`
      return undefined
    } finally {
      await rm(folder, { recursive: true, force: true })
    }
  })
}

async function recipeDigest(): Promise<string> {
  const base = await command('docker', ['image', 'inspect', '--format', '{{.Id}}', 'berth-test/debian'])
  return createHash('sha256')
    .update(await readFile(dockerfile))
    .update(`${base.trim()}\n${VITE}\n${process.version}`)
    .digest('hex')
    .slice(0, 16)
}
