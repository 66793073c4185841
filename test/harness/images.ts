import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { chmod, copyFile, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { debianMirror } from '../../scripts/setup/debian-mirror.mjs'
import { command, tryCommand } from './command'
import { withLock } from './lock'

/**
 * Images that tests run in, made of Debian packages, so that no image registry is needed. Kept in the engine between
 * runs; an image whose recipe changed is made anew.
 */
export const TEST_IMAGES = {
  /** Git, gpg, Python 3 (venv, pip), procps, curl, perl; users root and `dev` (uid 1000, home /home/dev, bash). */
  debian: 'berth-test/debian',
  /** Only busybox: sh, no bash, git, perl or python; users root and `dev` (uid 1000). */
  alpine: 'berth-test/alpine',
  /** One static program and nothing else: no shell, no /etc. Its entry point `/busybox` takes an applet and its arguments; by default it sleeps. */
  scratch: 'berth-test/scratch',
} as const

export type TestImage = keyof typeof TEST_IMAGES

const debianPackages = [
  'bash-completion',
  'ca-certificates',
  'curl',
  'git',
  'gnupg',
  'iproute2',
  'locales',
  'openssh-client',
  'procps',
  'python3',
  'python3-pip',
  'python3-venv',
]
const hostCertificates = '/etc/ssl/certs/ca-certificates.crt'
const recipeLabel = 'dev.berth.test-recipe'
/** Change it with any change of the functions below, so that images of older recipes are made anew. */
const recipeVersion = 3

/** Makes those of the named images (default: all) that the engine does not have. Debian takes one to two minutes. */
export async function ensureImages(
  names: readonly TestImage[] = ['debian', 'alpine', 'scratch'],
): Promise<void> {
  for (const name of names) {
    if (await isCurrent(name)) continue
    await withLock(`berth-test-image-${name}`, async () => {
      if (!(await isCurrent(name))) await recipes[name](await recipeDigest(name))
    })
  }
}

async function isCurrent(name: TestImage): Promise<boolean> {
  const { code, stdout } = await tryCommand('docker', [
    'image',
    'inspect',
    '--format',
    `{{index .Config.Labels "${recipeLabel}"}}`,
    TEST_IMAGES[name],
  ])
  return code === 0 && stdout.trim() === (await recipeDigest(name))
}

async function recipeDigest(name: TestImage): Promise<string> {
  const hash = createHash('sha256').update(`${recipeVersion}\n${name}\n`)
  if (name === 'debian') {
    hash.update(debianPackages.join('\n'))
    if (existsSync(hostCertificates)) hash.update(await readFile(hostCertificates))
  } else {
    hash.update(await readFile(await staticBusybox()))
  }
  return hash.digest('hex').slice(0, 16)
}

const recipes: Record<TestImage, (digest: string) => Promise<void>> = {
  debian: async (digest) => {
    await inFolder(async (folder) => {
      const root = join(folder, 'root')
      // Without one debootstrap takes its own.
      const mirror = debianMirror()
      await command(
        'debootstrap',
        [
          '--variant=minbase',
          `--include=${debianPackages.join(',')}`,
          'bookworm',
          root,
          ...(mirror ? [mirror] : []),
        ],
        { timeoutMilliseconds: 15 * 60_000 },
      )
      // Containers reach package registries the way this machine does, through its certificates.
      if (existsSync(hostCertificates)) await copyFile(hostCertificates, join(root, hostCertificates))
      await command('chroot', [
        root,
        'useradd',
        '--create-home',
        '--uid',
        '1000',
        '--shell',
        '/bin/bash',
        'dev',
      ])
      await rm(join(root, 'var/cache/apt/archives'), { recursive: true, force: true })
      await mkdir(join(root, 'var/cache/apt/archives/partial'), { recursive: true })
      await importImage('debian', root, digest, [
        'ENV LANG=C.UTF-8',
        'ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
        ...(existsSync(hostCertificates)
          ? ['PIP_CERT', 'SSL_CERT_FILE', 'NODE_EXTRA_CA_CERTS', 'REQUESTS_CA_BUNDLE'].map(
              (name) => `ENV ${name}=${hostCertificates}`,
            )
          : []),
        'CMD ["bash"]',
      ])
    })
  },

  alpine: async (digest) => {
    await inFolder(async (folder) => {
      const root = join(folder, 'root')
      for (const path of [
        'bin',
        'etc',
        'home/dev',
        'proc',
        'root',
        'sbin',
        'sys',
        'dev',
        'usr/bin',
        'usr/sbin',
        'var',
      ]) {
        await mkdir(join(root, path), { recursive: true })
      }
      await mkdir(join(root, 'tmp'))
      await chmod(join(root, 'tmp'), 0o1777)
      const busybox = join(root, 'bin/busybox')
      await copyFile(await staticBusybox(), busybox)
      await chmod(busybox, 0o755)
      const applets = (await command(busybox, ['--list-full'])).split('\n').filter(Boolean)
      for (const applet of applets) {
        const path = join(root, applet)
        await mkdir(dirname(path), { recursive: true })
        if (!existsSync(path)) await symlink('/bin/busybox', path)
      }
      await writeFile(
        join(root, 'etc/passwd'),
        'root:x:0:0:root:/root:/bin/sh\ndev:x:1000:1000:dev:/home/dev:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n',
      )
      await writeFile(join(root, 'etc/group'), 'root:x:0:\ndev:x:1000:\nnogroup:x:65534:\n')
      await command('chown', ['-R', '1000:1000', join(root, 'home/dev')])
      await importImage('alpine', root, digest, [
        'ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
        'CMD ["/bin/sh"]',
      ])
    })
  },

  scratch: async (digest) => {
    await inFolder(async (folder) => {
      const root = join(folder, 'root')
      await mkdir(root)
      // Under a name that is no applet's, busybox takes the applet from its first argument.
      await copyFile(await staticBusybox(), join(root, 'busybox'))
      await chmod(join(root, 'busybox'), 0o755)
      await importImage('scratch', root, digest, ['ENTRYPOINT ["/busybox"]', 'CMD ["sleep", "2147483647"]'])
    })
  },
}

async function importImage(
  name: TestImage,
  root: string,
  digest: string,
  changes: readonly string[],
): Promise<void> {
  const archive = join(dirname(root), 'image.tar')
  await command('tar', ['--numeric-owner', '-C', root, '-cf', archive, '.'])
  const change = [...changes, `LABEL ${recipeLabel}=${digest}`].flatMap((line) => ['--change', line])
  await command('docker', ['import', ...change, archive, TEST_IMAGES[name]])
}

async function inFolder<T>(use: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'berth-test-image-'))
  try {
    return await use(folder)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** Debian's busybox-static installs as /bin/busybox. */
export async function staticBusybox(): Promise<string> {
  for (const path of ['/bin/busybox', '/usr/bin/busybox']) if (existsSync(path)) return path
  throw new Error('busybox is missing: apt-get install busybox-static')
}
