import type { Workspace } from '#contract'
import { TEST_IMAGES } from '../harness/images'
import type { TestCluster } from '../harness/kubernetes/cluster'
import type { TestNamespace } from '../harness/kubernetes/namespaces'
import { sharedCluster } from '../harness/kubernetes/shared'
import { startEngine, type TestEngine } from '../ports/engine'

/** A workspace that runs in a pod, in a namespace of its own, and the engine that made it. */
export interface PodWorkspace {
  readonly cluster: TestCluster
  readonly namespace: TestNamespace
  readonly test: TestEngine
  readonly workspace: Workspace
  dispose(): Promise<void>
}

export async function openPodWorkspace(): Promise<PodWorkspace> {
  const cluster = await sharedCluster()
  const namespace = await cluster.makeNamespace()
  const test = await startEngine({ KUBECONFIG: namespace.kubeconfig })
  return {
    cluster,
    namespace,
    test,
    workspace: await createInPod(test),
    dispose: async () => {
      await test.dispose()
      await namespace.dispose()
    },
  }
}

/** Id of the only cluster that an engine knows. */
export function clusterOf({ engine }: TestEngine): string {
  const target = engine.collections.targets.list().find(({ kind }) => kind === 'kubernetes')
  if (!target) throw new Error('no cluster among the targets')
  return target.id
}

/** Creates a workspace on that cluster and waits until it runs. */
export function createInPod(test: TestEngine): Promise<Workspace> {
  return test.create({ source: { kind: 'image', image: TEST_IMAGES.debian }, targetId: clusterOf(test) })
}
