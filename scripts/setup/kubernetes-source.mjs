import { copyFileSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { attend } from './children.mjs'
import { debianMirror } from './debian-mirror.mjs'
import { run } from './programs.mjs'
import { canInstall, ensurePackages } from './system-packages.mjs'

/** The oldest Kubernetes that Berth is tested with: what Debian 12 has the source of. */
export const kubernetesVersion = '1.20.2'

const release = 'bookworm'
const keyring = '/usr/share/keyrings/debian-archive-keyring.gpg'
const buildPackages = ['golang-go', 'dpkg-dev', 'make', 'rsync', 'jq', 'xz-utils']

/** @returns {string | undefined} why Kubernetes cannot be built here, if so */
export function whyNotBuilt() {
  if (!canInstall()) return 'that takes Debian or Ubuntu'
  if (!existsSync(keyring)) return `that takes Debian's keys (${keyring})`
  return undefined
}

/**
 * Builds programs of Kubernetes from Debian's source package into `<folder>/bin`: about seven minutes on two cores.
 * @param {string} folder
 * @param {readonly string[]} programs
 */
export async function buildKubernetes(folder, programs) {
  const missing = await ensurePackages(buildPackages, 'building Kubernetes')
  if (missing.length > 0) throw new Error(`${missing.join(', ')} cannot be installed`)
  const work = join(folder, 'work')
  const tree = join(work, 'go/src/k8s.io/kubernetes')
  mkdirSync(join(tree, '..'), { recursive: true })
  await fetchSource(work)
  renameSync(join(work, 'source'), tree)
  // Debian's own Go, whatever else is installed: what this release was made to build with.
  const path = `/usr/lib/go/bin:${process.env.PATH ?? ''}`
  const env = {
    PATH: path,
    HOME: work,
    GOPATH: join(work, 'go'),
    GOCACHE: join(work, 'go-cache'),
    GOTMPDIR: work,
    GOFLAGS: '-mod=vendor',
    GOTOOLCHAIN: 'local',
    CGO_ENABLED: '0',
  }
  const what = programs.map((program) => `cmd/${program}`).join(' ')
  // In a process group of its own: a build that is given up ends with all that it started.
  const log = join(work, 'build.log')
  const make = ['-c', 'exec make "$@" >"$0" 2>&1', log, `WHAT=${what}`, 'GOLDFLAGS=-s -w']
  const code = await attend('bash', make, { cwd: tree, env, timeout: 60 * 60_000 })
  if (code !== 0) throw new Error(`make ended with ${code}:\n${lastLines(readFileSync(log, 'utf8'))}`)
  mkdirSync(join(folder, 'bin'))
  for (const program of programs) {
    copyFileSync(join(tree, '_output/bin', program), join(folder, 'bin', program))
  }
  rmSync(work, { recursive: true, force: true })
}

/** Downloads and unpacks the source to `<work>/source`, without touching what the machine's apt knows. @param {string} work */
async function fetchSource(work) {
  const apt = join(work, 'apt')
  for (const name of ['lists/partial', 'cache/archives/partial'])
    mkdirSync(join(apt, name), { recursive: true })
  const mirror = debianMirror()
  if (!mirror) throw new Error('this machine has no Debian mirror among its package sources')
  writeFileSync(join(apt, 'sources.list'), `deb-src [signed-by=${keyring}] ${mirror} ${release} main\n`)
  const settings = [
    `Dir::Etc::SourceList=${join(apt, 'sources.list')}`,
    'Dir::Etc::SourceParts=/dev/null',
    `Dir::State::Lists=${join(apt, 'lists')}`,
    `Dir::Cache=${join(apt, 'cache')}`,
    // The folder is ours alone, and apt's own user cannot write to it.
    'APT::Sandbox::User=root',
  ].flatMap((setting) => ['-o', setting])
  await must('apt-get', [...settings, 'update'], { timeout: 10 * 60_000 })
  const { output } = await run('apt-cache', [...settings, 'showsrc', '--only-source', 'kubernetes'])
  const version = output
    .split('\n')
    .filter((line) => line.startsWith('Version: '))
    .map((line) => line.slice('Version: '.length))
    .find((one) => one.includes(`really${kubernetesVersion}-`))
  if (!version) throw new Error(`Debian ${release} has no source of Kubernetes ${kubernetesVersion}`)
  const source = [...settings, 'source', '--download-only', `kubernetes=${version}`]
  await must('apt-get', source, { cwd: work, timeout: 10 * 60_000 })
  const description = `kubernetes_${version.replace(/^\d+:/, '')}.dsc`
  await must('dpkg-source', ['--extract', description, join(work, 'source')], { cwd: work })
}

/**
 * @param {string} command
 * @param {readonly string[]} args
 * @param {import('./programs.mjs').Options} options
 */
async function must(command, args, options) {
  const { code, output, timedOut } = await run(command, args, options)
  if (code === 0) return
  throw new Error(`${command} ${timedOut ? 'took too long' : 'failed'}:\n${lastLines(output)}`)
}

const lastLines = (/** @type {string} */ text) => text.trim().split('\n').slice(-8).join('\n')
