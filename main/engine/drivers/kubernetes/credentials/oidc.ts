import { readFile } from 'node:fs/promises'
import { z } from 'zod'
import { cancelled, type Problem, ProblemError, problem } from '#contract'
import type { Platform } from '../../../platform/platform'
import type { AuthProvider } from '../kubeconfig/model'
import { environmentProxy } from '../kubeconfig/proxy'
import { type Authenticator, bearer, type Credential, type Refusal } from './authenticator'
import { tokenRefusal } from './fixed'
import { type HttpsAnswer, httpsCall } from './https-call'
import { expiryOf } from './jwt'
import { SharedTask } from './shared-task'

/** Milliseconds before its expiry that an id-token is not used any more. */
const SLACK = 30_000
/** Milliseconds that the identity provider may take in all. */
const TIMEOUT = 30_000

const Discovery = z.looseObject({
  token_endpoint: z.url(),
  token_endpoint_auth_methods_supported: z.array(z.string()).nullish(),
})
const Tokens = z.looseObject({ id_token: z.string().min(1), refresh_token: z.string().nullish() })
const Refused = z.looseObject({ error: z.string(), error_description: z.string().nullish() })

type Config = AuthProvider['config']

export interface OidcOptions {
  readonly config: Config
  /** The config as the kubeconfig has it now: another program may have renewed it. */
  readonly reread: () => Config | undefined
  /** Keeps renewed tokens in the kubeconfig. */
  readonly persist: (values: Readonly<Record<string, string>>) => Promise<void>
  readonly title: string
  readonly platform: Platform
}

/**
 * The auth-provider `oidc` of kubectl (kubernetes.io, "Authenticating", OpenID Connect Tokens): an id-token, renewed by
 * a refresh-token at the issuer before it expires. Both are written back, for a refresh-token may be good only once.
 */
export class Oidc implements Authenticator {
  readonly #options: OidcOptions
  readonly #renewing: SharedTask<Credential>
  #config: Config
  #credential: { readonly token: string; readonly value: Credential } | undefined
  /** Not accepted by the server, although it may not have expired. */
  #refused: string | undefined

  constructor(options: OidcOptions) {
    this.#options = options
    this.#config = options.config
    this.#renewing = new SharedTask((signal) => this.#renew(signal))
  }

  async current(signal?: AbortSignal): Promise<Credential> {
    return this.#usable(this.#config) ?? this.#renewing.ask(signal)
  }

  reject(credential?: Credential): void {
    if (!credential || credential === this.#credential?.value) this.#refused = this.#credential?.token
  }

  refusal(): Refusal {
    return tokenRefusal(
      'The id-token of the user',
      this.#config['id-token'],
      this.#options.platform.clock.now(),
    )
  }

  dispose(): void {
    this.#renewing.dispose()
  }

  #usable(config: Config): Credential | undefined {
    const token = config['id-token']
    if (token === undefined || token === this.#refused) return undefined
    const expiry = expiryOf(token)
    if (expiry === undefined || expiry - SLACK <= this.#options.platform.clock.now()) return undefined
    return this.#credentialOf(token)
  }

  /** The same object for the same token, so that a refusal of it is known as one. */
  #credentialOf(token: string): Credential {
    if (this.#credential?.token !== token) {
      this.#credential = { token, value: { authorization: bearer(token) } }
    }
    return this.#credential.value
  }

  async #renew(signal: AbortSignal): Promise<Credential> {
    this.#config = this.#options.reread() ?? this.#config
    const renewed = this.#usable(this.#config)
    if (renewed) return renewed
    const before = this.#config
    if (before['refresh-token'] === undefined) throw this.#loginNeeded('It has no refresh-token.')
    try {
      return await this.#refresh(before, signal)
    } catch (error) {
      // A refresh-token that is good once may have been used by another program just before.
      const now = this.#options.reread()
      if (!now || now['refresh-token'] === before['refresh-token'] || signal.aborted) throw error
      this.#config = now
      return this.#usable(now) ?? (await this.#refresh(now, signal))
    }
  }

  async #refresh(config: Config, outer: AbortSignal): Promise<Credential> {
    const signal = AbortSignal.any([outer, AbortSignal.timeout(TIMEOUT)])
    try {
      const issuer = config['idp-issuer-url'] ?? ''
      const ca = await this.#authority(config)
      const place = this.#safeUrl(`${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`)
      const found = Discovery.safeParse(this.#json(await this.#call({ url: place, ca, signal })))
      if (!found.success)
        throw this.#failure('Its identity provider does not say where tokens are to be had.')
      const tokens = await this.#askTokens(config, found.data, ca, signal)
      const values = {
        'id-token': tokens.id_token,
        ...(tokens.refresh_token && { 'refresh-token': tokens.refresh_token }),
      }
      this.#config = { ...config, ...values }
      this.#refused = undefined
      await this.#persist(values)
      return this.#credentialOf(tokens.id_token)
    } catch (error) {
      if (outer.aborted) throw cancelled()
      if (error instanceof ProblemError) throw error
      const late = signal.aborted
      throw this.#failure(
        late ? 'Its identity provider did not answer in time.' : 'Its identity provider cannot be reached.',
        late || !(error instanceof Error) ? undefined : error.message,
      )
    }
  }

  async #askTokens(
    config: Config,
    discovery: z.infer<typeof Discovery>,
    ca: string | undefined,
    signal: AbortSignal,
  ) {
    const id = config['client-id'] ?? ''
    const secret = config['client-secret']
    const methods = discovery.token_endpoint_auth_methods_supported
    const inHeader = secret !== undefined && (!methods || methods.includes('client_secret_basic'))
    const answer = await this.#call({
      url: this.#safeUrl(discovery.token_endpoint),
      ca,
      signal,
      form: {
        grant_type: 'refresh_token',
        refresh_token: config['refresh-token'] ?? '',
        ...(!inHeader && { client_id: id, ...(secret !== undefined && { client_secret: secret }) }),
      },
      ...(inHeader && { headers: { Authorization: basic(id, secret) } }),
    })
    const body = this.#json(answer)
    const tokens = Tokens.safeParse(body)
    if (answer.status === 200 && tokens.success) return tokens.data
    const refused = Refused.safeParse(body)
    if (refused.success && refused.data.error === 'invalid_grant') {
      throw this.#loginNeeded('Its refresh-token is not accepted any more.')
    }
    throw answer.status === 200
      ? this.#failure('Its identity provider gave no id-token. The login may lack the scope "openid".')
      : this.#failure(
          `Its identity provider did not renew the token (HTTP ${answer.status}${
            refused.success && /^[\w-]{1,40}$/.test(refused.data.error) ? `, ${refused.data.error}` : ''
          }).`,
        )
  }

  #call(call: Omit<Parameters<typeof httpsCall>[0], 'proxy'>): Promise<HttpsAnswer> {
    const proxy = environmentProxy(call.url, this.#options.platform.env)
    // A provider behind a SOCKS proxy is asked directly, which says by itself when it does not work.
    return httpsCall({ ...call, ...(proxy?.startsWith('http') && { proxy }) })
  }

  /** Refresh-tokens and client secrets travel encrypted, or not at all. */
  #safeUrl(address: string): URL {
    const url = URL.canParse(address) ? new URL(address) : undefined
    const local = url && /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(url.hostname)
    if (url?.protocol === 'https:' || (url?.protocol === 'http:' && local)) return url
    throw this.#failure('The address of its identity provider is not an https URL.')
  }

  async #authority(config: Config): Promise<string | undefined> {
    const data = config['idp-certificate-authority-data']
    if (data !== undefined) return Buffer.from(data, 'base64').toString('utf8')
    const file = config['idp-certificate-authority']
    if (file === undefined) return undefined
    return readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
      throw this.#failure(
        `The certificate authority of its identity provider cannot be read (${error.code}).`,
        file,
      )
    })
  }

  #json({ body }: HttpsAnswer): unknown {
    try {
      return JSON.parse(body)
    } catch {
      return undefined
    }
  }

  /** Not fatal: the tokens are good, and the next login is only sooner. */
  async #persist(values: Readonly<Record<string, string>>): Promise<void> {
    await this.#options.persist(values).catch((error: unknown) => {
      this.#options.platform.logger.warn('A renewed login was not kept in the kubeconfig', {
        reason: error instanceof Error ? error.message : 'unknown',
      })
    })
  }

  #loginNeeded(why: string): ProblemError {
    const expiry = expiryOf(this.#config['id-token'] ?? '')
    const expired = expiry !== undefined && expiry <= this.#options.platform.clock.now()
    return this.#problem({
      code: 'credentials-expired',
      cause: `The login of its user ${expired ? 'has expired' : 'is not valid any more'}, and cannot be renewed. ${why}`,
      remedy: 'Log in with your identity provider again, which writes a new id-token to the kubeconfig.',
    })
  }

  #failure(cause: string, detail?: string): ProblemError {
    return this.#problem({
      cause,
      remedy: 'Check the network and the auth-provider of this user in the kubeconfig, or log in again.',
      ...(detail !== undefined && { detail }),
    })
  }

  #problem(fields: Partial<Problem> & Pick<Problem, 'cause' | 'remedy'>): ProblemError {
    return problem({ code: 'credentials-failed', title: this.#options.title, ...fields })
  }
}

/** RFC 6749, 2.3.1: both are form-encoded first. */
function basic(id: string, secret: string): string {
  const encode = (text: string) => encodeURIComponent(text).replaceAll('%20', '+')
  return `Basic ${Buffer.from(`${encode(id)}:${encode(secret)}`).toString('base64')}`
}
