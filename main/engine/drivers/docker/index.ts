import { problem } from '#contract'
import type { Disposer } from '../../platform/disposable'
import type { Platform } from '../../platform/platform'
import type { Driver, DriverProvider, TargetDescription } from '../driver'
import { watchContexts } from './context-watch'
import { type DockerContext, readContexts } from './contexts'
import { DockerDriver } from './driver'

/** Finds the user's Docker contexts and opens drivers to them. */
export function createDockerProvider(platform: Platform): DriverProvider {
  const find = (contexts: readonly DockerContext[], id: string) =>
    contexts.find(({ description }) => description.id === id)?.endpoint
  let latest: readonly DockerContext[] = []
  return {
    kind: 'docker',
    watchTargets(listener: (targets: readonly TargetDescription[]) => void): Disposer {
      return watchContexts(platform, (contexts) => {
        latest = contexts
        listener(contexts.map(({ description }) => description))
      })
    },
    open(target: TargetDescription): Driver {
      const endpoint = find(latest, target.id) ?? find(readContexts(platform), target.id)
      if (!endpoint) {
        throw problem({
          code: 'target-misconfigured',
          title: `The Docker context "${target.name}" cannot be used`,
          cause: 'There is no such context, or its configuration is broken.',
          remedy: 'See "docker context ls".',
        })
      }
      return new DockerDriver(target, endpoint, platform)
    },
  }
}
