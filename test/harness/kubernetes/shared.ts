import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { foreignCluster, ownClusterOf, type TestCluster } from './cluster'

/**
 * The run's cluster, which all tests share: each makes a namespace of its own in it, and none stops a part of it. For
 * hooks and tests; while a file is collected there may be none. Its node has the images of test/harness/images.ts.
 */
export async function sharedCluster(): Promise<TestCluster> {
  const kubeconfig = process.env.BERTH_TEST_CLUSTER
  if (!kubeconfig) throw new Error('not within the Kubernetes suite: npm run test:conformance')
  return (await ownClusterOf(kubeconfig)) ?? foreignCluster(kubeconfig, temporaryFolder())
}

/** For `startCluster`, in tests that stop and restart parts of a cluster: the folder of its programs. */
export function kubernetesBinaries(): string {
  const folder = process.env.BERTH_TEST_KUBERNETES_BINARIES
  if (!folder)
    throw new Error(binariesProblem() ?? 'not within the Kubernetes suite: npm run test:conformance')
  return folder
}

/** Why this machine cannot have a cluster of its own, if so: where the shared one is somebody else's. Reason to skip. */
export function binariesProblem(): string | undefined {
  return process.env.BERTH_TEST_KUBERNETES_PROBLEM || undefined
}

function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'berth-cluster-'))
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }))
  return folder
}
