import type { TargetDescription } from '../../main/engine/drivers/driver'
import { KubernetesDriver } from '../../main/engine/drivers/kubernetes/driver'
import { createClusterProvider } from '../../main/engine/drivers/kubernetes/provider'
import { TEST_IMAGES } from '../harness/images'
import type { TestCluster } from '../harness/kubernetes/cluster'
import type { TestNamespace } from '../harness/kubernetes/namespaces'
import { sharedCluster } from '../harness/kubernetes/shared'
import { type DriverHarness, testPlatform } from './harness'

export interface KubernetesHarness extends DriverHarness {
  prepare(): Promise<void>
  /** As administrator, in the tests' own namespace. */
  kubectl(...args: string[]): Promise<string>
  readonly makeQuota: TestNamespace['makeQuota']
  /** The name of the tests' own namespace. */
  namespace(): string
  /** Path of the kubeconfig of the user who may work there. */
  kubeconfig(): string
}

/** `prepare` comes first, in a hook: there is no cluster while files are collected. */
export function kubernetesHarness(): KubernetesHarness {
  let prepared: { cluster: TestCluster; namespace: TestNamespace } | undefined
  const use = () => {
    if (!prepared) throw new Error('prepare() comes first')
    return prepared
  }
  const opened: { dispose(): void | Promise<void> }[] = []
  const setOf = (instance: string) => instance.replace(/-0$/, '')
  const asAdmin = (...args: string[]) => use().cluster.kubectl('-n', use().namespace.name, ...args)
  return {
    name: 'kubernetes',
    keepsContainerFiles: false,
    logChannels: 'mixed',
    // dockershim gives it half a second; containerd and CRI-O copy each direction until its end, and tell nobody that it
    // has ended.
    halfClose: false,
    prepare: async () => {
      const cluster = await sharedCluster()
      const namespace = await cluster.makeNamespace()
      prepared = { cluster, namespace }
    },
    kubectl: asAdmin,
    makeQuota: (...quota) => use().namespace.makeQuota(...quota),
    namespace: () => use().namespace.name,
    kubeconfig: () => use().namespace.kubeconfig,
    open: () => {
      const { namespace } = use()
      const { platform, dispose } = testPlatform({ KUBECONFIG: namespace.kubeconfig })
      opened.push({ dispose })
      const provider = createClusterProvider(platform, (parts) => new KubernetesDriver(parts))
      let targets: readonly TargetDescription[] = []
      const stop = provider.watchTargets((now) => {
        targets = now
      })
      opened.push({ dispose: stop })
      const [target] = targets
      if (!target) throw new Error('the kubeconfig has no context')
      return provider.open(target)
    },
    images: { full: TEST_IMAGES.debian, small: TEST_IMAGES.alpine, bare: TEST_IMAGES.scratch },
    outside: {
      stop: async (instance) => {
        await asAdmin('scale', 'statefulset', setOf(instance), '--replicas=0')
        await asAdmin('delete', 'pod', instance, '--ignore-not-found', '--force', '--grace-period=0')
      },
      remove: async (instance) => {
        await asAdmin('delete', 'statefulset', setOf(instance))
        await asAdmin('delete', 'pod', instance, '--ignore-not-found', '--force', '--grace-period=0')
      },
    },
    leftovers: async (...ids) => {
      const kinds = 'statefulsets,pods,persistentvolumeclaims,secrets,networkpolicies'
      const names = await asAdmin('get', kinds, '-l', `berth.dev/workspace in (${ids.join()})`, '-o', 'name')
      return names.split('\n').filter(Boolean)
    },
    dispose: async () => {
      for (const one of opened) await one.dispose()
      await prepared?.namespace.dispose()
    },
  }
}
