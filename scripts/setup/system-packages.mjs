import { readdirSync, readFileSync, statSync } from 'node:fs'
import { find, run } from './programs.mjs'
import { say, step } from './say.mjs'

/** Debian packages by what needs them; `|` separates names of which the first that the distribution has is taken. */
export const packagesFor = {
  /** Libraries that Electron's runtime links against, and fonts without which its window shows boxes. */
  window: [
    'libgtk-3-0|libgtk-3-0t64',
    'libnss3',
    'libasound2|libasound2t64',
    'libgbm1',
    'libxss1',
    'libatk-bridge2.0-0|libatk-bridge2.0-0t64',
    'libsecret-1-0',
    'xdg-utils',
    'fonts-dejavu-core',
  ],
  /** The engine, and what makes a base image where no image registry can be reached. */
  docker: ['docker.io', 'iptables', 'git', 'openssh-client', 'ca-certificates', 'debootstrap'],
  tests: [
    'xvfb',
    'xauth',
    'chromium',
    'openssh-server',
    'rsync',
    'docker-registry',
    'docker-compose|docker-compose-v2',
    'busybox-static',
    'socat',
    'procps',
    'dbus',
    'gnupg',
    'gnome-keyring',
    'libsecret-tools',
    'fonts-noto-color-emoji',
    'python3',
  ],
  /** What a cluster of the tests' own has beside Kubernetes' binaries, see test/harness/kubernetes. */
  kubernetes: [
    'etcd-server',
    'kubectl|kubernetes-client',
    'socat',
    'openssl',
    'iproute2',
    'iptables',
    'procps',
    'xz-utils',
    'busybox-static',
  ],
  /** The same beside a current Kubernetes, which comes with an etcd and a kubectl of its own. */
  currentKubernetes: [
    'containerd',
    'runc',
    'containernetworking-plugins',
    'openssl',
    'iproute2',
    'iptables',
    'procps',
    'busybox-static',
  ],
}

/** Whether packages can be installed here: Debian or one of its children, as root. */
export function canInstall() {
  return (
    process.platform === 'linux' &&
    process.getuid?.() === 0 &&
    find('apt-get') !== undefined &&
    isDebianLike()
  )
}

export function isDebianLike() {
  try {
    return /^ID(_LIKE)?=.*(debian|ubuntu)/m.test(readFileSync('/etc/os-release', 'utf8'))
  } catch {
    // No os-release: not a distribution we know how to serve.
    return false
  }
}

/**
 * Which of the packages are not installed. Empty where the system is not Debian's: then there is nothing to ask.
 * @param {readonly string[]} wanted
 * @returns {Promise<string[]>}
 */
export async function missingPackages(wanted) {
  if (!isDebianLike()) return []
  const names = wanted.flatMap((name) => name.split('|'))
  const { output } = await run('dpkg-query', [
    '--show',
    '--showformat',
    '${Package} ${db:Status-Status}\n',
    ...names,
  ])
  const installed = new Set(
    output
      .split('\n')
      .filter((line) => line.endsWith(' installed'))
      .map((line) => line.split(' ')[0] ?? ''),
  )
  return wanted.filter((name) => !name.split('|').some((alternative) => installed.has(alternative)))
}

/**
 * Installs what is missing, or says how to.
 * @param {readonly string[]} wanted
 * @param {string} purpose completes "needed for …"
 * @returns {Promise<string[]>} what is still missing
 */
export async function ensurePackages(wanted, purpose) {
  const missing = await missingPackages(wanted)
  if (missing.length === 0) return []
  if (!canInstall()) {
    say(`missing for ${purpose}: sudo apt-get install ${missing.map((name) => name.split('|')[0]).join(' ')}`)
    return missing
  }
  return step(`installing ${missing.map((name) => name.split('|')[0]).join(' ')}`, () => install(missing))
}

/** @param {readonly string[]} missing @returns {Promise<string[]>} */
async function install(missing) {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  // Daemons are started by whoever needs them, not by their installation.
  const apt = (/** @type {string[]} */ ...args) =>
    run('apt-get', ['-o', 'DPkg::Lock::Timeout=300', ...args], { env, timeout: 20 * 60_000 })
  if (listsAreStale()) await apt('update')
  /** @type {string[]} */
  const names = []
  for (const wanted of missing) {
    const alternatives = wanted.split('|')
    const { output } = await run('apt-cache', ['policy', ...alternatives])
    const known = alternatives.find((name) =>
      new RegExp(
        `^${name.replaceAll('.', '\\.')}:\\n  Installed: .*\\n  Candidate: (?!\\(none\\))`,
        'm',
      ).test(output),
    )
    names.push(known ?? alternatives[0] ?? wanted)
  }
  const installed = await apt('install', '--yes', '--no-install-recommends', ...names)
  if (installed.code !== 0) {
    // One package that cannot be had must not keep the others away.
    await apt('update')
    for (const name of names) {
      const { code, output } = await apt('install', '--yes', '--no-install-recommends', name)
      if (code !== 0) say(`${name} cannot be installed: ${output.trim().split('\n').at(-1) ?? ''}`)
    }
  }
  return missingPackages(missing)
}

function listsAreStale() {
  try {
    const day = 24 * 60 * 60_000
    const lists = readdirSync('/var/lib/apt/lists').filter(
      (name) => name.endsWith('Packages') || name.endsWith('.lz4'),
    )
    return lists.length === 0 || Date.now() - statSync('/var/lib/apt/lists').mtimeMs > day
  } catch {
    return true
  }
}
