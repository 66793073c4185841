import { readFileSync } from 'node:fs'
import { parse } from 'yaml'
import { createKubernetesProvider } from '../../main/engine/drivers/kubernetes'
import { KubernetesDriver } from '../../main/engine/drivers/kubernetes/driver'
import { podState } from '../../main/engine/drivers/kubernetes/watch/pod-state'
import { podName } from '../../main/engine/drivers/kubernetes/workspace/anatomy'
import { Objects, workspaceGone } from '../../main/engine/drivers/kubernetes/workspace/objects'
import { TEST_IMAGES } from '../harness/images'
import type { TestCluster } from '../harness/kubernetes/cluster'
import type { TestNamespace } from '../harness/kubernetes/namespaces'
import { sharedCluster } from '../harness/kubernetes/shared'
import { type DriverHarness, testPlatform } from './harness'

export interface KubernetesHarness extends DriverHarness {
  prepare(): Promise<void>
  kubectl(...args: string[]): Promise<string>
}

/** `prepare` comes first, in a hook: there is no cluster while files are collected. */
export function kubernetesHarness(): KubernetesHarness {
  let prepared: { cluster: TestCluster; namespace: TestNamespace; context: string } | undefined
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
    prepare: async () => {
      const cluster = await sharedCluster()
      const namespace = await cluster.makeNamespace()
      const config = parse(readFileSync(namespace.kubeconfig, 'utf8')) as { 'current-context': string }
      prepared = { cluster, namespace, context: config['current-context'] }
    },
    kubectl: asAdmin,
    open: () => {
      const { namespace, context } = use()
      const { platform, dispose } = testPlatform({ KUBECONFIG: namespace.kubeconfig })
      opened.push({ dispose })
      const provider = createKubernetesProvider(
        platform,
        (parts) =>
          new KubernetesDriver(parts, async (client, id, signal) => {
            const objects = new Objects(client, platform.clock)
            const { statefulSet, claim } = await objects.of(id, signal)
            if (!statefulSet) return [workspaceGone(id, claim !== undefined).problem]
            const pod = await objects.get('pods', podName(id), signal)
            const { problem } = podState(pod, (statefulSet.spec?.replicas ?? 0) > 0)
            return problem ? [problem] : []
          }),
      )
      return provider.open({
        id: `kubernetes:${context}/${namespace.name}`,
        name: context,
        endpoint: 'https://127.0.0.1',
        isDefault: true,
      })
    },
    images: { full: TEST_IMAGES.debian, small: TEST_IMAGES.alpine, bare: TEST_IMAGES.scratch },
    outside: {
      stop: async (instance) => {
        await asAdmin('scale', 'statefulset', setOf(instance), '--replicas=0')
        await asAdmin('wait', '--for=delete', `pod/${instance}`, '--timeout=60s').catch(() => undefined)
      },
      remove: async (instance) => {
        await asAdmin('delete', 'statefulset', setOf(instance), '--cascade=foreground').catch(() =>
          asAdmin('delete', 'statefulset', setOf(instance)),
        )
        await asAdmin('wait', '--for=delete', `pod/${instance}`, '--timeout=60s').catch(() => undefined)
      },
    },
    leftovers: async (id) => {
      const kinds = 'statefulsets,pods,persistentvolumeclaims,secrets,networkpolicies'
      const names = await asAdmin('get', kinds, '-l', `berth.dev/workspace=${id}`, '-o', 'name')
      return names.split('\n').filter(Boolean)
    },
    dispose: async () => {
      for (const one of opened) await one.dispose()
      await prepared?.namespace.dispose()
    },
  }
}
