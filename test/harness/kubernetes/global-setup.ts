import type { TestProject } from 'vitest/node'
import { ensureBinaries, ensureKubernetes } from '../../../scripts/setup/kubernetes.mjs'
import { say, step } from '../../../scripts/setup/say.mjs'
import { ensureImages, TEST_IMAGES } from '../images'
import { ownClusterOf, startCluster } from './cluster'
import { startKind } from './kind'

/** Runs once before the Kubernetes tests: gives them one cluster, or has them skipped with the reason. */
export async function setup(project: TestProject): Promise<(() => Promise<void>) | undefined> {
  const source = await ensureKubernetes({ mayBuild: false })
  const binaries = await ensureBinaries({ mayBuild: false })
  if ('binaries' in binaries) process.env.BERTH_TEST_KUBERNETES_BINARIES = binaries.binaries
  else process.env.BERTH_TEST_KUBERNETES_PROBLEM = binaries.problem
  const images = Object.values(TEST_IMAGES)
  await ensureImages()
  if ('kubeconfig' in source) {
    process.env.BERTH_TEST_CLUSTER = source.kubeconfig
    const own = await ownClusterOf(source.kubeconfig)
    for (const image of own ? images : []) await own?.loadImage(image)
    return undefined
  }
  if ('binaries' in source) {
    const cluster = await step('starting a Kubernetes cluster', () => startCluster({ ...source, images }))
    process.env.BERTH_TEST_CLUSTER = cluster.kubeconfig
    return () => cluster.dispose()
  }
  if ('problem' in source) {
    skipAll(project, source.problem)
    return undefined
  }
  try {
    const cluster = await step('starting a cluster with kind', () => startKind(source.kind, images))
    process.env.BERTH_TEST_CLUSTER = cluster.kubeconfig
    return () => cluster.dispose()
  } catch (error) {
    skipAll(project, `kind brings up no cluster: ${(error as Error).message}`)
    return undefined
  }
}

/** No test has a name that matches; they are counted as skipped, and hooks do not run. */
function skipAll(project: TestProject, reason: string): void {
  say(`Kubernetes tests are skipped: ${reason}`)
  process.env.BERTH_TEST_SKIP_REASON = reason
  project.config.testNamePattern = /(?!)/
}
