import { createHash } from 'node:crypto'
import {
  createReadStream,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
} from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import { exclusively, root, sharedCache } from './folders.mjs'
import { buildFromModule, currentKubernetesVersion, whyNotBuiltFromModule } from './kubernetes-module.mjs'
import { buildKubernetes, kubernetesVersion, whyNotBuilt } from './kubernetes-source.mjs'
import { find, isAlive, run } from './programs.mjs'
import { say, step } from './say.mjs'

/** What a cluster of one's own runs; each is a file in the folder of binaries. */
export const kubernetesPrograms = ['kube-apiserver', 'kube-controller-manager', 'kube-scheduler', 'kubelet']

/** The two that Berth is tested with. @typedef {'oldest' | 'current'} KubernetesAge */

/**
 * How to come by each of them.
 * @type {Record<KubernetesAge, {
 *   version: string, needed: string[], archived: boolean, source: string, command: string,
 *   whyNotBuilt(): Promise<string | undefined>, build(work: string): Promise<void>
 * }>}
 */
const ages = {
  oldest: {
    version: kubernetesVersion,
    needed: ['etcd', 'kubectl', 'dockerd', 'socat'],
    archived: true,
    source: "Debian's source package",
    command: 'npm run cluster:up',
    whyNotBuilt: async () => whyNotBuilt(),
    build: (work) => buildKubernetes(work, kubernetesPrograms),
  },
  current: {
    version: currentKubernetesVersion,
    needed: ['docker', 'containerd', 'ctr', 'runc'],
    archived: false,
    source: 'the Go module proxy',
    command: 'npm run test:conformance -- --kubernetes=current',
    whyNotBuilt: whyNotBuiltFromModule,
    build: buildFromModule,
  },
}

/**
 * Where tests get a Kubernetes from: a cluster that the person named; binaries for one of our own; kind; or nowhere,
 * and why.
 * @typedef {{ kubeconfig: string } | { binaries: string } | { kind: string } | { problem: string }} KubernetesSource
 */

/**
 * Looks for a Kubernetes, in this order: the cluster of BERTH_TEST_KUBECONFIG; binaries in the cache, or in an archive
 * in `../shared/kube` beside the checkout; a build from source, if `mayBuild`; kind.
 * @param {{ mayBuild: boolean, age?: KubernetesAge }} options building takes seven minutes or more; default: oldest
 * @returns {Promise<KubernetesSource>}
 */
export async function ensureKubernetes({ mayBuild, age = 'oldest' }) {
  const named = process.env.BERTH_TEST_KUBECONFIG
  if (named) {
    if (!existsSync(named)) throw new Error(`BERTH_TEST_KUBECONFIG names ${named}, which is not there`)
    return { kubeconfig: resolve(named) }
  }
  const binaries = await ensureBinaries({ mayBuild, age })
  if ('binaries' in binaries) return binaries
  const kind = find('kind')
  if (kind) return { kind }
  return {
    problem: `no Kubernetes: ${binaries.problem}; kind is not installed; BERTH_TEST_KUBECONFIG is not set`,
  }
}

/** What a cluster of one's own cannot do without. @param {KubernetesAge} age @returns {string | undefined} */
function whyNoClusterHere(age) {
  if (process.platform !== 'linux') return 'a cluster of its own needs Linux'
  if (process.getuid?.() !== 0) return 'a cluster of its own needs root'
  const missing = [...ages[age].needed, 'openssl', 'ip', 'iptables', 'unshare'].filter((name) => !find(name))
  if (age === 'current' && !findNetworkPlugins()) missing.push('containernetworking-plugins')
  return missing.length > 0 ? `a cluster of its own needs ${missing.join(', ')}` : undefined
}

/** Where distributions put what connects pods to a network (CNI). @returns {string | undefined} the folder */
export function findNetworkPlugins() {
  return ['/usr/lib/cni', '/usr/libexec/cni', '/opt/cni/bin'].find((folder) =>
    ['bridge', 'host-local', 'portmap', 'loopback'].every((name) => existsSync(join(folder, name))),
  )
}

/**
 * The folder of programs for a cluster of one's own, or why there can be none on this machine.
 * @param {{ mayBuild: boolean, age?: KubernetesAge }} options
 * @returns {Promise<{ binaries: string } | { problem: string }>}
 */
export async function ensureBinaries({ mayBuild, age = 'oldest' }) {
  const problem = whyNoClusterHere(age)
  return problem ? { problem } : exclusively(() => findOrMake(mayBuild, age))
}

/** @param {boolean} mayBuild @param {KubernetesAge} age @returns {Promise<{ binaries: string } | { problem: string }>} */
async function findOrMake(mayBuild, age) {
  const { version, archived, source, command, whyNotBuilt, build } = ages[age]
  const folder = join(sharedCache, `kubernetes-${version}-${process.arch}`)
  const found = { binaries: join(folder, 'bin') }
  if (existsSync(folder)) return found
  const archive = archived ? findArchive() : undefined
  if (archive) {
    await step(`unpacking ${archive}`, () => unpackKubernetes(archive, folder))
    return found
  }
  const hindrance = await whyNotBuilt()
  if (hindrance) return { problem: `no binaries of ${version}, and they cannot be built: ${hindrance}` }
  if (!mayBuild) return { problem: `no binaries of ${version}; ${command} builds them` }
  say(`no Kubernetes binaries: building ${version} from ${source}, once for this machine`)
  try {
    await step(`building Kubernetes ${version}`, () => fill(folder, build))
  } catch (error) {
    return { problem: `the build failed: ${error instanceof Error ? error.message : String(error)}` }
  }
  return found
}

/**
 * Unpacks an archive of `bin/` and `SHA256SUMS` and holds the one against the other.
 * @param {string} archive
 * @param {string} folder made; not there if the archive is not what it should be
 */
export function unpackKubernetes(archive, folder) {
  return fill(folder, async (work) => {
    const { code, output } = await run('tar', ['-xf', archive, '-C', work])
    if (code !== 0) throw new Error(`${archive}: ${output.trim()}`)
    await checkSums(work)
  })
}

/**
 * Makes a folder in one step, so that it is whole where it is there.
 * @param {string} folder
 * @param {(work: string) => Promise<void>} make
 */
async function fill(folder, make) {
  const parent = dirname(folder)
  mkdirSync(parent, { recursive: true })
  // What one left that was killed in the middle of it; the pid of who makes it is in its name.
  for (const name of readdirSync(parent)) {
    const [, made, maker] = /^(.+)-(\d+)-\w{6}$/.exec(name) ?? []
    if (made === basename(folder) && !isAlive(Number(maker))) {
      rmSync(join(parent, name), { recursive: true, force: true })
    }
  }
  const work = mkdtempSync(`${folder}-${process.pid}-`)
  try {
    await make(work)
    // Another checkout may have been faster.
    if (!existsSync(folder)) renameSync(work, folder)
  } finally {
    rmSync(work, { recursive: true, force: true })
  }
}

/** An archive of binaries beside the checkout, or beside the one that this is a worktree of. @returns {string | undefined} */
function findArchive() {
  if (process.arch !== 'x64') return undefined
  const name = `kubernetes-${kubernetesVersion}-linux-amd64.tar.xz`
  return [root, mainCheckout()]
    .map((checkout) => join(dirname(checkout), 'shared/kube', name))
    .find((path) => existsSync(path))
}

function mainCheckout() {
  try {
    const [, git = ''] =
      /^gitdir: (.*)\/\.git\/worktrees\//.exec(readFileSync(join(root, '.git'), 'utf8')) ?? []
    return git || root
  } catch {
    // A folder: this is no worktree. Or no checkout at all.
    return root
  }
}

/** Compares a folder with its SHA256SUMS. @param {string} folder */
async function checkSums(folder) {
  const sums = new Map(
    readFileSync(join(folder, 'SHA256SUMS'), 'utf8')
      .trim()
      .split('\n')
      .map((line) => /** @type {[string, string]} */ (line.split(/\s+\*?/).reverse())),
  )
  for (const program of readdirSync(join(folder, 'bin'))) {
    const hash = createHash('sha256')
    for await (const chunk of createReadStream(join(folder, 'bin', program))) hash.update(chunk)
    if (sums.get(`bin/${program}`) !== hash.digest('hex'))
      throw new Error(`bin/${program} is not what SHA256SUMS says`)
  }
  const missing = kubernetesPrograms.filter((program) => !existsSync(join(folder, 'bin', program)))
  if (missing.length > 0) throw new Error(`the archive lacks ${missing.join(', ')}`)
}
