import { existsSync } from 'node:fs'
import type { Disposer } from '../../platform/disposable'
import type { Platform } from '../../platform/platform'
import type { Driver, DriverProvider, TargetDescription } from '../driver'
import { kubeconfigPaths } from './kubeconfig/paths'

/** Milliseconds between two looks for a kubeconfig while there is none. */
const LOOK_EVERY = 3_000

/**
 * Finds the contexts of the user's kubeconfigs. Most machines have none, and what serves clusters is a third of the
 * engine's code: it is loaded with the first kubeconfig.
 */
export function createKubernetesProvider(platform: Platform): DriverProvider {
  let loading: Promise<DriverProvider> | undefined
  let loaded: DriverProvider | undefined
  const load = () => {
    loading ??= import('./provider').then((module) => {
      loaded = module.createClusterProvider(platform)
      return loaded
    })
    return loading
  }
  return {
    kind: 'kubernetes',
    watchTargets(listener: (targets: readonly TargetDescription[]) => void): Disposer {
      let stopped = false
      let stopTargets: Disposer | undefined
      let timer: NodeJS.Timeout | undefined
      const paths = kubeconfigPaths(platform)
      const look = () => {
        if (!paths.some((path) => existsSync(path))) return false
        clearInterval(timer)
        load().then(
          (provider) => {
            if (!stopped) stopTargets = provider.watchTargets(listener)
          },
          (error) => {
            platform.logger.error('What serves clusters cannot be loaded', { error: String(error) })
            listener([])
          },
        )
        return true
      }
      if (!look()) {
        listener([])
        timer = setInterval(look, LOOK_EVERY)
        timer.unref()
      }
      return async () => {
        stopped = true
        clearInterval(timer)
        await stopTargets?.()
      }
    },
    open(target: TargetDescription): Driver {
      if (!loaded) throw new Error(`Nobody has told of a target ${target.id}`)
      return loaded.open(target)
    },
  }
}
