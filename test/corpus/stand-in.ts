import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Definition } from '#contract'
import { imagesOf } from '../../main/engine/drivers/shared/dockerfile-images'
import { command } from '../harness/command'
import { ensureImages, TEST_IMAGES } from '../harness/images'

/** What stands for every image where no registry has them. */
export const STAND_IN = 'berth-corpus/stand-in'

const packages = ['build-essential', 'nodejs', 'npm', 'sudo', 'unzip', 'wget', 'zip']

/** A Dockerfile at its place, with the arguments that its build gets. */
export interface Recipe {
  readonly path: string
  readonly args: Readonly<Record<string, string>>
}

/**
 * Makes the image: Debian with common tools, and a user of each name that definitions ask for and no Dockerfile makes.
 * Its own command stays, as those of images do that definitions rely on where they give none. Kept by the builder.
 */
export async function ensureStandIn(
  definitions: readonly Definition[],
  recipes: readonly Recipe[] = [],
): Promise<void> {
  await ensureImages(['debian'])
  const made = recipes.flatMap(
    ({ path }) => readFileSync(path, 'utf8').match(/.*\b(?:adduser|useradd)\b.*/g) ?? [],
  )
  const isMade = (name: string) => made.some((line) => line.split(/[^\w.-]+/).includes(name))
  const asked = definitions.flatMap(({ remoteUser, containerUser, services }) => [
    remoteUser,
    containerUser,
    ...services.map(({ user }) => user),
  ])
  const names = [
    'vscode',
    'node',
    'gitpod',
    'codespace',
    ...asked.flatMap((user) => user?.split(':')[0] ?? []),
  ]
  const users = [...new Set(names)].filter(
    (name) => /^[a-z_][a-z0-9_-]{0,30}$/.test(name) && !['root', 'dev'].includes(name) && !isMade(name),
  )
  const folder = mkdtempSync(join(tmpdir(), 'berth-corpus-image-'))
  try {
    writeFileSync(
      join(folder, 'Dockerfile'),
      `FROM ${TEST_IMAGES.debian}
RUN apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends ${packages.join(' ')}
RUN for user in ${users.sort().join(' ')}; do id "$user" >/dev/null 2>&1 || useradd --create-home --shell /bin/bash "$user"; echo "$user ALL=(ALL) NOPASSWD:ALL" > "/etc/sudoers.d/$user"; done
CMD ["sleep", "infinity"]
`,
    )
    // Packages are reached the way this machine reaches them.
    const proxies = ['http_proxy', 'https_proxy', 'no_proxy'].flatMap((name) =>
      process.env[name] ? ['--build-arg', `${name}=${process.env[name]}`] : [],
    )
    await command('docker', ['build', '--network', 'host', ...proxies, '-t', STAND_IN, folder], {
      timeoutMilliseconds: 15 * 60_000,
    })
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** Every image that definitions and the Dockerfiles at these paths name, each with what stands for it. */
export function standIns(
  definitions: readonly Definition[],
  recipes: readonly Recipe[],
): Record<string, string> {
  const named = definitions.flatMap(({ image, services }) => [image, ...services.map((one) => one.image)])
  const bases = recipes.flatMap(({ path, args }) =>
    imagesOf(readFileSync(path, 'utf8'), args).map(({ image }) => image),
  )
  const names = [...named, ...bases].filter(
    (name): name is string => name !== undefined && name !== 'scratch' && !name.includes('$'),
  )
  return Object.fromEntries(names.map((name) => [name, STAND_IN]))
}
