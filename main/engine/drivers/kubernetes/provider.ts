import { parseKubernetesTargetId } from '#contract'
import type { Disposer } from '../../platform/disposable'
import type { Platform } from '../../platform/platform'
import type { Driver, DriverProvider, TargetDescription } from '../driver'
import type { ClusterAccess } from './api'
import { ClusterAccesses } from './credentials/access'
import { KubernetesDriver } from './driver'
import { describeContexts } from './kubeconfig/contexts'
import { KubeconfigStore } from './kubeconfig/store'

/** What a driver is made of. It owns `access`, and disposes of its credentials in the end. */
export interface DriverParts {
  readonly target: TargetDescription
  readonly namespace: string
  readonly access: ClusterAccess
  readonly platform: Platform
}

/** Finds the contexts of the user's kubeconfigs, with their namespaces, and opens drivers to them by `connect`. */
export function createClusterProvider(
  platform: Platform,
  connect: (parts: DriverParts) => Driver = (parts) => new KubernetesDriver(parts),
): DriverProvider {
  const store = new KubeconfigStore(platform)
  const accesses = new ClusterAccesses(platform, store)
  const describe = () =>
    describeContexts(store.current(), platform.settings.get().kubernetesNamespaces).map(
      ({ description }) => description,
    )
  return {
    kind: 'kubernetes',
    watchTargets(listener: (targets: readonly TargetDescription[]) => void): Disposer {
      let last: string | undefined
      const tell = () => {
        const targets = describe()
        const now = JSON.stringify(targets)
        if (now === last) return
        last = now
        listener(targets)
      }
      const stopFiles = store.watch(tell)
      const stopSettings = platform.settings.onChange(tell)
      tell()
      return async () => {
        await stopSettings()
        await stopFiles()
      }
    },
    open(target: TargetDescription): Driver {
      const { namespace } = parseKubernetesTargetId(target.id)
      return connect({ target, namespace, access: accesses.open(target), platform })
    },
  }
}
