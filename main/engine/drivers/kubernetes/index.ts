import { existsSync } from 'node:fs'
import type { Disposer } from '../../platform/disposable'
import type { Platform } from '../../platform/platform'
import type { Driver, DriverProvider, TargetDescription } from '../driver'
import { FolderWatch } from './kubeconfig/folder-watch'
import { kubeconfigPaths } from './kubeconfig/paths'

/** Milliseconds between two looks for a kubeconfig while there is none, where no notification tells of one. */
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
      let begun = false
      let stopTargets: Disposer | undefined
      let timer: NodeJS.Timeout | undefined
      const paths = kubeconfigPaths(platform)
      const folders = new FolderWatch(paths, () => look())
      const look = () => {
        if (stopped || begun) return true
        if (!paths.some((path) => existsSync(path))) {
          folders.follow()
          return false
        }
        begun = true
        clearInterval(timer)
        folders.close()
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
        folders.close()
        await stopTargets?.()
      }
    },
    open(target: TargetDescription): Driver {
      if (!loaded) throw new Error(`Nobody has told of a target ${target.id}`)
      return loaded.open(target)
    },
  }
}
