import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { attend } from './children.mjs'
import { root } from './folders.mjs'
import { goCandidates } from './go.mjs'
import { run } from './programs.mjs'

/** Names one release of Kubernetes with all of its parts, and of the etcd that it goes with. */
const module = join(root, 'test/harness/kubernetes/current')
const description = readFileSync(join(module, 'go.mod'), 'utf8')

/** The newest Kubernetes that Berth is tested with. */
export const currentKubernetesVersion = fieldOf(/^\s+k8s\.io\/kubernetes v(\S+)/m)

const neededGo = fieldOf(/^go (\d+\.\d+)/m)

/** What the module builds: the name of each program, and its package. */
const packages = new Map(
  ['kube-apiserver', 'kube-controller-manager', 'kube-scheduler', 'kubelet', 'kubectl'].map((name) => [
    name,
    `k8s.io/kubernetes/cmd/${name}`,
  ]),
)
packages.set('etcd', 'go.etcd.io/etcd/server/v3')

/** @returns {Promise<string | undefined>} why a current Kubernetes cannot be built here, if so */
export async function whyNotBuiltFromModule() {
  return (await findGo()) ? undefined : `that takes Go ${neededGo} or newer`
}

/**
 * Builds a current Kubernetes from the Go module proxy into `<folder>/bin`: ten minutes or more on two cores. Every
 * module is held against go.sum.
 * @param {string} folder
 */
export async function buildFromModule(folder) {
  const go = await findGo()
  if (!go) throw new Error(`Go ${neededGo} or newer is not there`)
  const bin = join(folder, 'bin')
  mkdirSync(bin)
  const [major, minor] = currentKubernetesVersion.split('.')
  // What the Makefile of Kubernetes sets: parts refuse to talk to a part whose version they cannot read.
  const version = { gitVersion: `v${currentKubernetesVersion}`, gitMajor: major, gitMinor: minor }
  const variables = ['k8s.io/component-base/version', 'k8s.io/client-go/pkg/version'].flatMap((of) =>
    Object.entries(version).map(([name, value]) => `-X ${of}.${name}=${value}`),
  )
  const flags = ['-trimpath', '-buildvcs=false', `-ldflags=-s -w ${variables.join(' ')}`]
  const env = { ...process.env, CGO_ENABLED: '0' }
  const log = join(folder, 'build.log')
  for (const [name, what] of packages) {
    const build = ['build', ...flags, '-o', join(bin, name), what]
    // In a process group of its own: a build that is given up ends with all that it started.
    const code = await attend('bash', ['-c', 'exec "$@" >"$0" 2>&1', log, go, ...build], {
      cwd: module,
      env,
      timeout: 60 * 60_000,
    })
    if (code === 0) {
      rmSync(log, { force: true })
      continue
    }
    const said = existsSync(log) ? readFileSync(log, 'utf8').trim().split('\n').slice(-8).join('\n') : ''
    throw new Error(`go build ${what} ended with ${code}:\n${said}`)
  }
}

/** A Go that can build the module. @returns {Promise<string | undefined>} its path */
async function findGo() {
  for (const candidate of goCandidates()) {
    // Asked in the module's folder: there it gets itself a newer one, where it may.
    const { code, output } = await run(candidate, ['env', 'GOVERSION'], { cwd: module })
    const [, major, minor] = /^go(\d+)\.(\d+)/m.exec(output) ?? []
    const [neededMajor, neededMinor] = neededGo.split('.').map(Number)
    if (code === 0 && Number(major) === neededMajor && Number(minor) >= Number(neededMinor)) return candidate
  }
  return undefined
}

/** @param {RegExp} pattern */
function fieldOf(pattern) {
  const found = pattern.exec(description)?.[1]
  if (!found) throw new Error(`${module}/go.mod says nothing of ${pattern}`)
  return found
}
