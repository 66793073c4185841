import { delimiter } from 'node:path'
import type { TestProject } from 'vitest/node'
import { ensureBinaries } from '../../../scripts/setup/kubernetes.mjs'
import { say } from '../../../scripts/setup/say.mjs'
import { ensureImages, TEST_IMAGES } from '../images'
import type { TestCluster } from './cluster'
import { obtainCluster } from './obtain'

/** Minor version that tests of a current Kubernetes are written for. */
const OLDEST_CURRENT = 33

/**
 * Runs once before the Kubernetes tests: gives them one cluster, or has them skipped with the reason. The project
 * `kubernetes-current` gets a current one.
 */
export async function setup(project: TestProject): Promise<(() => Promise<void>) | undefined> {
  const age = project.name === 'kubernetes-current' ? 'current' : 'oldest'
  const binaries = await ensureBinaries({ mayBuild: false, age })
  if ('binaries' in binaries) {
    process.env.BERTH_TEST_KUBERNETES_BINARIES = binaries.binaries
    // The kubectl that comes with a Kubernetes, where one does, is the one that knows all of it.
    process.env.PATH = `${binaries.binaries}${delimiter}${process.env.PATH ?? ''}`
  } else process.env.BERTH_TEST_KUBERNETES_PROBLEM = binaries.problem
  await ensureImages()
  const obtained = await obtainCluster(Object.values(TEST_IMAGES), age)
  if ('problem' in obtained) {
    skipAll(project, obtained.problem)
    return undefined
  }
  const minor = await minorOf(obtained.cluster)
  if (age === 'current' && minor < OLDEST_CURRENT) {
    await obtained.dispose()
    skipAll(project, `the cluster is of Kubernetes 1.${minor}, and these tests need 1.${OLDEST_CURRENT}`)
    return undefined
  }
  process.env.BERTH_TEST_CLUSTER = obtained.cluster.kubeconfig
  return obtained.dispose
}

async function minorOf(cluster: TestCluster): Promise<number> {
  const answer = await cluster.kubectl('get', '--raw', '/version')
  // Some add a plus sign.
  return Number.parseInt((JSON.parse(answer) as { minor: string }).minor, 10)
}

/** No test has a name that matches; they are counted as skipped, and hooks do not run. */
function skipAll(project: TestProject, reason: string): void {
  say(`Kubernetes tests are skipped: ${reason}`)
  process.env.BERTH_TEST_SKIP_REASON = reason
  project.config.testNamePattern = /(?!)/
}
