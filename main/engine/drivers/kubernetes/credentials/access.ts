import { parseKubernetesTargetId, problem } from '#contract'
import type { Platform } from '../../../platform/platform'
import type { ClusterAccess } from '../api'
import { type ContextSettings, contextTitle, describeContexts } from '../kubeconfig/contexts'
import type { Kubeconfig } from '../kubeconfig/load'
import { environmentProxy } from '../kubeconfig/proxy'
import type { KubeconfigStore } from '../kubeconfig/store'
import { LoginMethods } from './authenticators'
import { ContextCredentials } from './credentials'
import { AuthenticatorPool } from './pool'

/** Opens access to the clusters of the user's kubeconfigs; those of one identity share its credentials. */
export class ClusterAccesses {
  readonly #platform: Platform
  readonly #store: KubeconfigStore
  readonly #methods: LoginMethods
  readonly #pool = new AuthenticatorPool()

  constructor(platform: Platform, store: KubeconfigStore) {
    this.#platform = platform
    this.#store = store
    this.#methods = new LoginMethods(platform, store)
  }

  /**
   * Access to a target's cluster, at the server that it was described with: another server is another target. Does
   * nothing yet; whoever gets it disposes of its credentials.
   */
  open(target: { readonly id: string; readonly endpoint: string }): ClusterAccess {
    const { context, namespace } = parseKubernetesTargetId(target.id)
    const { clock, env } = this.#platform
    let known: { readonly config: Kubeconfig; readonly settings: ContextSettings } | undefined
    const settings = () => {
      const config = this.#store.current()
      // Asked for with every request, and the same until a file changes.
      if (known?.config !== config) {
        known = { config, settings: settingsOf(config, context, namespace, target.endpoint) }
      }
      return known.settings
    }
    const credentials = new ContextCredentials({
      settings,
      refresh: () => this.#store.refresh(),
      methods: this.#methods,
      pool: this.#pool,
      clock,
    })
    const configured = () => {
      try {
        return settings().cluster.proxy
      } catch {
        return undefined // The credentials say what is wrong.
      }
    }
    return {
      server: target.endpoint,
      get proxy() {
        return configured() ?? environmentProxy(new URL(target.endpoint), env)
      },
      credentials,
    }
  }
}

function settingsOf(config: Kubeconfig, context: string, namespace: string, server: string): ContextSettings {
  const entry = config.contexts.get(context)
  const [described] = describeContexts(
    { ...config, contexts: new Map(entry ? [[context, entry]] : []), broken: [] },
    { [context]: [namespace] },
  )
  const { settings, description } = described ?? {}
  if (settings?.server === server) return settings
  throw problem(
    (!settings && entry && description?.problem) || {
      code: 'target-misconfigured',
      title: contextTitle(context),
      cause: settings ? 'Its server is another one by now.' : 'It is not in the kubeconfig any more.',
      remedy: 'Put it back, or choose another target.',
    },
  )
}
