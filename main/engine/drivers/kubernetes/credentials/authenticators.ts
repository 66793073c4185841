import type { Platform } from '../../../platform/platform'
import type { ContextSettings } from '../kubeconfig/contexts'
import type { KubeconfigStore } from '../kubeconfig/store'
import { type Authenticator, bearer } from './authenticator'
import { ExecGate, ExecPlugin } from './exec-plugin'
import { Fixed } from './fixed'
import { Oidc } from './oidc'
import { hasCertificate } from './tls-identity'
import { TokenFile } from './token-file'
import { writeBack } from './write-back'

/** How a user logs in: what makes it one identity, and what makes its authenticator. */
export interface LoginMethod {
  readonly identity: unknown
  readonly make: () => Authenticator
}

/** Makes authenticators of what kubeconfigs say. */
export class LoginMethods {
  readonly #platform: Platform
  readonly #store: KubeconfigStore
  readonly #gate = new ExecGate()

  constructor(platform: Platform, store: KubeconfigStore) {
    this.#platform = platform
    this.#store = store
  }

  /**
   * In kubectl's order: a token, a password, a client certificate, and a plugin or provider only where there is none of
   * these.
   */
  of(settings: ContextSettings): LoginMethod {
    const { user, userEntry, context } = settings
    const who = userEntry ? `the user "${userEntry.name}"` : `the context "${context}"`
    const title = `Logging in to Kubernetes as ${who} failed`
    const { clock } = this.#platform
    if (user.tokenFile !== undefined) {
      const { tokenFile, token } = user
      return {
        identity: ['token-file', tokenFile, token],
        make: () => new TokenFile(tokenFile, token, title, clock),
      }
    }
    if (user.token !== undefined) return fixed(bearer(user.token), `The token of ${who}`)
    if (user.username !== undefined) {
      const login = Buffer.from(`${user.username}:${user.password ?? ''}`, 'utf8').toString('base64')
      return fixed(`Basic ${login}`, `The user name or password of ${who}`)
    }
    if (hasCertificate(user)) return fixed(undefined, `The client certificate of ${who}`)
    if (user.exec) return this.#exec(settings, title)
    if (user.authProvider) return this.#oidc(settings, title)
    return fixed(undefined, `A request without any credentials, as ${who} has none,`)
  }

  #exec({ user, cluster, server }: ContextSettings, title: string): LoginMethod {
    const { exec } = user
    if (!exec) return fixed(undefined, title)
    const told = { ...cluster, server }
    return {
      // What a plugin is not told of does not make it another one.
      identity: ['exec', exec, exec.provideClusterInfo ? told : undefined],
      make: () =>
        new ExecPlugin({
          settings: exec,
          cluster: told,
          title,
          platform: this.#platform,
          gate: this.#gate,
        }),
    }
  }

  #oidc({ user, userEntry }: ContextSettings, title: string): LoginMethod {
    const config = user.authProvider?.config ?? {}
    const { 'id-token': _id, 'refresh-token': _refresh, ...lasting } = config
    const { name = '', file = '' } = userEntry ?? {}
    return {
      // Tokens change with each renewal, and the renewals are its own.
      identity: ['oidc', lasting, file, name],
      make: () =>
        new Oidc({
          config,
          title,
          platform: this.#platform,
          reread: () => {
            this.#store.refresh()
            const entry = this.#store.current().users.get(name)
            return entry?.file === file ? entry.value?.authProvider?.config : undefined
          },
          persist: (values) => writeBack(file, name, values, this.#platform.clock),
        }),
    }
  }
}

function fixed(authorization: string | undefined, what: string): LoginMethod {
  return {
    identity: ['fixed', authorization, what],
    make: () => new Fixed(authorization === undefined ? {} : { authorization }, what),
  }
}
