import { realpath } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { root } from '../../../scripts/setup/folders.mjs'
import { ensureKubernetes } from '../../../scripts/setup/kubernetes.mjs'
import { find } from '../../../scripts/setup/programs.mjs'
import { command, tryCommand } from '../../harness/command'
import { TEST_IMAGES } from '../../harness/images'
import {
  foreignCluster,
  type OwnCluster,
  ownClusterOf,
  startCluster,
  type TestCluster,
} from '../../harness/kubernetes/cluster'
import { startKind } from '../../harness/kubernetes/kind'
import { CannotRun } from '../bench'

/** The cluster of all Kubernetes rows of one run. */
export interface BenchCluster {
  readonly cluster: TestCluster
  /** Present where the harness brought it up: its API server can be stopped. */
  readonly own?: OwnCluster
  /** Program of the reference, and what it says of itself. */
  readonly kubectl: { readonly program: string; readonly version: string }
}

let age: 'oldest' | 'current' = 'oldest'

/** Which Kubernetes the run's cluster is of, where the harness brings it up. */
export function chooseCluster(wanted: typeof age): void {
  age = wanted
}

let running: Promise<{ readonly bench: BenchCluster; end(): Promise<void> }> | undefined

/** What the reference is, and where it was measured. */
export async function referenceText({ cluster, kubectl }: BenchCluster): Promise<string> {
  const { serverVersion } = JSON.parse(await cluster.kubectl('version', '-o', 'json')) as {
    readonly serverVersion: { readonly gitVersion: string }
  }
  return `kubectl ${kubectl.version}, at Kubernetes ${serverVersion.gitVersion}`
}

/** Brought up by the first row that asks; rejects with {@link CannotRun} where this machine has none. */
export async function benchCluster(): Promise<BenchCluster> {
  running ??= bringUp()
  return (await running).bench
}

/** Removes it, if there is one. */
export async function endBenchCluster(): Promise<void> {
  const ended = running
  running = undefined
  await ended?.then(
    ({ end }) => end(),
    () => undefined,
  )
}

async function bringUp(): Promise<{ bench: BenchCluster; end(): Promise<void> }> {
  const source = await ensureKubernetes({ mayBuild: false, age })
  if ('problem' in source) throw new CannotRun(source.problem)
  const kubectl = await findKubectl()
  const images = Object.values(TEST_IMAGES)
  if ('binaries' in source) {
    const own = await startCluster({ ...source, images })
    return { bench: { cluster: own, own, kubectl }, end: () => own.dispose() }
  }
  if ('kind' in source) {
    const kind = await startKind(source.kind, images).catch((error: Error) => {
      throw new CannotRun(`kind brings up no cluster: ${error.message}`)
    })
    const cluster = foreignCluster(kind.kubeconfig, join(root, '.cache/bench'))
    return { bench: { cluster, kubectl }, end: () => kind.dispose() }
  }
  // Somebody's own: it stays.
  const own = await ownClusterOf(source.kubeconfig)
  for (const image of own ? images : []) await own?.loadImage(image)
  const cluster = own ?? foreignCluster(source.kubeconfig, join(root, '.cache/bench'))
  return { bench: { cluster, kubectl, ...(own && { own }) }, end: async () => undefined }
}

/**
 * The kubectl of this machine. The one that Google packages asks each server for its version and starts another
 * kubectl beside it: its newest is taken directly, so that the reference does not pay for that.
 */
async function findKubectl(): Promise<BenchCluster['kubectl']> {
  const found = find('kubectl')
  if (!found) throw new CannotRun('kubectl, the reference, is not installed')
  const version = await versionOf(found)
  if (!version.includes('dispatcher')) return { program: found, version }
  const path = await realpath(found)
  const { stdout } = await tryCommand('ls', [dirname(path)])
  const [newest] = stdout
    .split('\n')
    .filter((name) => new RegExp(`^${basename(path)}\\.\\d+\\.\\d+$`).test(name))
    .sort((one, other) => other.localeCompare(one, 'en', { numeric: true }))
  if (!newest) return { program: found, version }
  const program = join(dirname(path), newest)
  return { program, version: await versionOf(program) }
}

async function versionOf(program: string): Promise<string> {
  const answer = await command(program, ['version', '--client', '-o', 'json'])
  return (JSON.parse(answer) as { clientVersion: { gitVersion: string } }).clientVersion.gitVersion
}
