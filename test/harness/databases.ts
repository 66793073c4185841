import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { command, tryCommand } from './command'
import { ensureImages, TEST_IMAGES } from './images'
import { withLock } from './lock'

/**
 * Real servers: PostgreSQL 15, MariaDB and Redis of Debian, all in one image, which starts each as Docker's own image
 * of that name would. `clients` has the programs that connect to them, git, and the user `dev`: for workspaces.
 */
export const DATABASES = {
  clients: 'berth-test/databases:clients',
  postgres: 'berth-test/databases:postgres',
  mariadb: 'berth-test/databases:mariadb',
  redis: 'berth-test/databases:redis',
} as const

/** All of them, for an engine to save or a cluster to load at once: they share their layers. */
export const DATABASE_REPOSITORY = 'berth-test/databases'

/** For the setting `imageAliases`: what definitions name is these. */
export const DATABASE_ALIASES: Readonly<Record<string, string>> = {
  postgres: DATABASES.postgres,
  mariadb: DATABASES.mariadb,
  redis: DATABASES.redis,
}

const folder = join(import.meta.dirname, 'databases')
const recipeLabel = 'dev.berth.test-recipe'

/** Makes them where they are missing or of an older recipe; about a minute. Kept in the engine between runs. */
export async function ensureDatabases(): Promise<void> {
  await ensureImages(['debian'])
  await withLock('berth-test-image-databases', async () => {
    const digest = await recipeDigest()
    const isCurrent = await Promise.all(Object.values(DATABASES).map((image) => hasRecipe(image, digest)))
    if (isCurrent.every(Boolean)) return
    for (const [name, image] of Object.entries(DATABASES)) {
      const target = name === 'clients' ? 'databases' : name
      await command(
        'docker',
        ['build', '--target', target, '--label', `${recipeLabel}=${digest}`, '--tag', image, folder],
        { timeoutMilliseconds: 15 * 60_000 },
      )
    }
  })
}

async function hasRecipe(image: string, digest: string): Promise<boolean> {
  const label = `{{index .Config.Labels "${recipeLabel}"}}`
  const { code, stdout } = await tryCommand('docker', ['image', 'inspect', '--format', label, image])
  return code === 0 && stdout.trim() === digest
}

async function recipeDigest(): Promise<string> {
  const base = await command('docker', ['image', 'inspect', '--format', '{{.Id}}', TEST_IMAGES.debian])
  const hash = createHash('sha256').update(base)
  for (const file of ['Dockerfile', 'entrypoint.sh']) hash.update(await readFile(join(folder, file)))
  return hash.digest('hex').slice(0, 16)
}
