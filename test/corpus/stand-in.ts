import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Definition } from '#contract'
import { command } from '../harness/command'
import { ensureImages, TEST_IMAGES } from '../harness/images'

/** What stands for every image where no registry has them. */
export const STAND_IN = 'berth-corpus/stand-in'

const packages = ['build-essential', 'nodejs', 'npm', 'sudo', 'unzip', 'wget', 'zip']

/** Makes the image: Debian with common tools, and a user of each name that definitions ask for. Kept by the builder. */
export async function ensureStandIn(definitions: readonly Definition[]): Promise<void> {
  await ensureImages(['debian'])
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
    (name) => /^[a-z_][a-z0-9_-]{0,30}$/.test(name) && !['root', 'dev'].includes(name),
  )
  const folder = mkdtempSync(join(tmpdir(), 'berth-corpus-image-'))
  try {
    writeFileSync(
      join(folder, 'Dockerfile'),
      `FROM ${TEST_IMAGES.debian}
RUN apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends ${packages.join(' ')}
RUN for user in ${users.sort().join(' ')}; do id "$user" >/dev/null 2>&1 || useradd --create-home --shell /bin/bash "$user"; echo "$user ALL=(ALL) NOPASSWD:ALL" > "/etc/sudoers.d/$user"; done
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
  dockerfiles: readonly string[],
): Record<string, string> {
  const named = definitions.flatMap(({ image, services }) => [image, ...services.map((one) => one.image)])
  const bases = dockerfiles.flatMap((path) =>
    [...readFileSync(path, 'utf8').matchAll(/^\s*FROM\s+(?:--\S+\s+)*(\S+)/gim)].map((match) => match[1]),
  )
  const names = [...named, ...bases].filter(
    (name): name is string => name !== undefined && name !== 'scratch' && !name.includes('$'),
  )
  return Object.fromEntries(names.map((name) => [name, STAND_IN]))
}
