import { type Problem, problem } from '#contract'
import type { Clock } from '../../../platform/clock'
import type { Credentials, RequestHeaders, TlsIdentity } from '../api'
import { type ContextSettings, contextTitle } from '../kubeconfig/contexts'
import type { Authenticator, Credential } from './authenticator'
import type { LoginMethods } from './authenticators'
import { certificateRefusal } from './fixed'
import { impersonationHeaders } from './impersonation'
import { type AuthenticatorPool, identityKey, type Lease } from './pool'
import { ownCertificate, tlsIdentity } from './tls-identity'

export interface ContextCredentialsOptions {
  /** What the kubeconfig says now. Throws a ProblemError where the context is gone or broken. */
  readonly settings: () => ContextSettings
  /** Looks at the kubeconfig at once. */
  readonly refresh: () => void
  readonly methods: LoginMethods
  readonly pool: AuthenticatorPool
  readonly clock: Clock
}

/** The credentials of one context, whatever its kubeconfig says at the moment they are asked for. */
export class ContextCredentials implements Credentials {
  readonly #options: ContextCredentialsOptions
  readonly #given = new WeakMap<RequestHeaders, Credential>()
  #lease: Lease | undefined
  #leasedFor: ContextSettings | undefined
  /** The certificate that was presented last, for what it may have expired. */
  #cert: string | undefined
  #disposed = false

  constructor(options: ContextCredentialsOptions) {
    this.#options = options
  }

  async headers(signal?: AbortSignal): Promise<RequestHeaders> {
    const settings = this.#options.settings()
    const credential = await this.#credential(settings, signal)
    const { authorization } = credential
    const headers: RequestHeaders = {
      ...(authorization !== undefined && { Authorization: authorization }),
      ...impersonationHeaders(settings.user.impersonate),
    }
    checkHeaders(headers, contextTitle(settings.context))
    this.#given.set(headers, credential)
    return headers
  }

  async tls(signal?: AbortSignal): Promise<TlsIdentity> {
    const settings = this.#options.settings()
    const { cluster, user, context } = settings
    const title = contextTitle(context)
    const own = await ownCertificate(user, title, this.#options.clock)
    // A plugin may give a certificate; nothing else does.
    const plugin = user.exec && !own ? await this.#credential(settings, signal) : {}
    const identity = await tlsIdentity(cluster, own ?? plugin, title)
    this.#cert = identity.cert?.toString()
    return identity
  }

  rejected(refused?: RequestHeaders): void {
    this.#lease?.authenticator.reject(refused && this.#given.get(refused))
    this.#options.refresh()
  }

  refusal(): Problem {
    const settings = this.#options.settings()
    const { now } = this.#options.clock
    const expired =
      this.#cert === undefined
        ? undefined
        : certificateRefusal('The client certificate of its user', this.#cert, now())
    return {
      title: `The Kubernetes context "${settings.context}" could not be logged in to`,
      ...(expired ?? this.#authenticator(settings).refusal()),
    }
  }

  dispose(): void {
    this.#disposed = true
    this.#lease?.release()
    this.#lease = undefined
  }

  async #credential(settings: ContextSettings, signal?: AbortSignal): Promise<Credential> {
    const authenticator = this.#authenticator(settings)
    try {
      return await authenticator.current(signal)
    } catch (error) {
      const replaced = this.#lease && this.#lease.authenticator !== authenticator
      if (!replaced || signal?.aborted) throw error
      // The kubeconfig changed meanwhile, which ended what was asked.
      return this.#credential(this.#options.settings(), signal)
    }
  }

  #authenticator(settings: ContextSettings): Authenticator {
    const { methods, pool } = this.#options
    if (this.#lease && this.#leasedFor === settings) return this.#lease.authenticator
    const { identity, make } = methods.of(settings)
    if (this.#lease?.key === identityKey(identity)) {
      this.#leasedFor = settings
      return this.#lease.authenticator
    }
    const lease = pool.lease(identity, make)
    if (this.#disposed) {
      // Whoever still asks gets an answer, and nothing stays.
      lease.release()
      return lease.authenticator
    }
    this.#lease?.release()
    this.#lease = lease
    this.#leasedFor = settings
    return lease.authenticator
  }
}

/** What Node would refuse to send, or what could add lines to a request. The value is not shown. */
function checkHeaders(headers: RequestHeaders, title: string): void {
  for (const [name, values] of Object.entries(headers)) {
    // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
    if (![values].flat().some((value) => /[\x00-\x08\x0a-\x1f\x7f]|[^\x00-\xff]/.test(value))) continue
    throw problem({
      code: 'target-misconfigured',
      title,
      cause: `What its user has for "${name}" holds line breaks or other characters that cannot be sent.`,
      remedy: 'Correct the entry of this user in the kubeconfig.',
    })
  }
}
