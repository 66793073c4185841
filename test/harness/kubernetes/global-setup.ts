import type { TestProject } from 'vitest/node'
import { ensureBinaries } from '../../../scripts/setup/kubernetes.mjs'
import { say } from '../../../scripts/setup/say.mjs'
import { ensureImages, TEST_IMAGES } from '../images'
import { obtainCluster } from './obtain'

/** Runs once before the Kubernetes tests: gives them one cluster, or has them skipped with the reason. */
export async function setup(project: TestProject): Promise<(() => Promise<void>) | undefined> {
  const binaries = await ensureBinaries({ mayBuild: false })
  if ('binaries' in binaries) process.env.BERTH_TEST_KUBERNETES_BINARIES = binaries.binaries
  else process.env.BERTH_TEST_KUBERNETES_PROBLEM = binaries.problem
  await ensureImages()
  const obtained = await obtainCluster(Object.values(TEST_IMAGES))
  if ('problem' in obtained) {
    skipAll(project, obtained.problem)
    return undefined
  }
  process.env.BERTH_TEST_CLUSTER = obtained.cluster.kubeconfig
  return obtained.dispose
}

/** No test has a name that matches; they are counted as skipped, and hooks do not run. */
function skipAll(project: TestProject, reason: string): void {
  say(`Kubernetes tests are skipped: ${reason}`)
  process.env.BERTH_TEST_SKIP_REASON = reason
  project.config.testNamePattern = /(?!)/
}
