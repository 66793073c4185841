import { copyFile, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { command } from '../harness/command'
import { TEST_IMAGES } from '../harness/images'
import { withLock } from '../harness/lock'

/** Debian with one way in only: the one that the name says. */
export const DIAL_IMAGES = {
  node: 'berth-test/dial-node',
  python: 'berth-test/dial-python',
  perl: 'berth-test/dial-perl',
  bash: 'berth-test/dial-bash',
} as const

const without = {
  perl: 'rm -f /usr/bin/perl*',
  python: 'rm -f /usr/bin/python3*',
  others: 'rm -f /usr/bin/socat /usr/bin/nc* /bin/nc*',
}

const recipes: Record<keyof typeof DIAL_IMAGES, readonly string[]> = {
  node: [
    'COPY node /usr/local/bin/node',
    `RUN chmod 755 /usr/local/bin/node && ${without.perl} && ${without.python} && ${without.others}`,
  ],
  python: [`RUN ${without.perl} && ${without.others}`],
  perl: [`RUN ${without.python} && ${without.others}`],
  bash: [`RUN ${without.perl} && ${without.python} && ${without.others}`],
}

/** Makes them; Docker's own cache makes that quick the second time. */
export async function ensureDialImages(): Promise<void> {
  await withLock('berth-test-image-dial', async () => {
    for (const [name, lines] of Object.entries(recipes)) {
      const folder = await mkdtemp(join(tmpdir(), 'berth-test-dial-'))
      try {
        if (name === 'node') await copyFile(process.execPath, join(folder, 'node'))
        await writeFile(join(folder, 'Dockerfile'), [`FROM ${TEST_IMAGES.debian}`, ...lines, ''].join('\n'))
        await command('docker', ['build', '--tag', DIAL_IMAGES[name as keyof typeof DIAL_IMAGES], folder], {
          timeoutMilliseconds: 5 * 60_000,
        })
      } finally {
        await rm(folder, { recursive: true, force: true })
      }
    }
  })
}
