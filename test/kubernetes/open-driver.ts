import { kubernetesTargetId, parseKubernetesTargetId } from '#contract'
import type { Driver, TargetDescription } from '../../main/engine/drivers/driver'
import { KubernetesDriver } from '../../main/engine/drivers/kubernetes/driver'
import { createClusterProvider } from '../../main/engine/drivers/kubernetes/provider'
import { testPlatform } from '../conformance/harness'

/** A driver to the only context of a kubeconfig, in `space` where it is given and not where the context says. */
export function openOnlyTarget(
  kubeconfig: string,
  space?: string,
): { readonly driver: Driver; dispose(): Promise<void> } {
  const { platform, dispose } = testPlatform({ KUBECONFIG: kubeconfig })
  const provider = createClusterProvider(platform, (parts) => new KubernetesDriver(parts))
  let target: TargetDescription | undefined
  const stop = provider.watchTargets(([first]) => {
    target = first
  })
  if (!target) throw new Error('the kubeconfig has no context')
  const id =
    space === undefined ? target.id : kubernetesTargetId(parseKubernetesTargetId(target.id).context, space)
  const driver = provider.open({ ...target, id })
  return {
    driver,
    dispose: async () => {
      await driver.dispose()
      await stop()
      dispose()
    },
  }
}
