import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ensureKubernetes, type KubernetesAge } from '../../../scripts/setup/kubernetes.mjs'
import { step } from '../../../scripts/setup/say.mjs'
import { foreignCluster, ownClusterOf, startCluster, type TestCluster } from './cluster'
import { startKind } from './kind'

/** A cluster for as long as it is wanted: what was brought up for it is taken down by `dispose`. */
export interface ObtainedCluster {
  readonly cluster: TestCluster
  dispose(): Promise<void>
}

/**
 * A cluster whose node has images of this machine: the one that the person named, else one of our own, else kind; or why
 * there is none.
 */
export async function obtainCluster(
  images: readonly string[],
  age: KubernetesAge = 'oldest',
): Promise<ObtainedCluster | { readonly problem: string }> {
  const source = await ensureKubernetes({ mayBuild: false, age })
  if ('problem' in source) return source
  if ('kubeconfig' in source) {
    const own = await ownClusterOf(source.kubeconfig)
    for (const image of own ? images : []) await own?.loadImage(image)
    if (own) return { cluster: own, dispose: async () => undefined }
    return foreign(source.kubeconfig, async () => undefined)
  }
  if ('binaries' in source) {
    const cluster = await step('starting a Kubernetes cluster', () => startCluster({ ...source, images }))
    return { cluster, dispose: () => cluster.dispose() }
  }
  try {
    const kind = await step('starting a cluster with kind', () => startKind(source.kind, images))
    return await foreign(kind.kubeconfig, () => kind.dispose())
  } catch (error) {
    return { problem: `kind brings up no cluster: ${(error as Error).message}` }
  }
}

async function foreign(kubeconfig: string, end: () => Promise<void>): Promise<ObtainedCluster> {
  const folder = await mkdtemp(join(tmpdir(), 'berth-cluster-'))
  return {
    cluster: foreignCluster(kubeconfig, folder),
    dispose: async () => {
      await rm(folder, { recursive: true, force: true })
      await end()
    },
  }
}
