import { X509Certificate } from 'node:crypto'
import type { Authenticator, Credential, Refusal } from './authenticator'
import { expiryOf } from './jwt'

/** A credential that stands in the kubeconfig itself, or none at all. */
export class Fixed implements Authenticator {
  readonly #credential: Credential
  readonly #what: string

  /** `what` names it in a sentence: `The token of the user "me"`. */
  constructor(credential: Credential, what: string) {
    this.#credential = credential
    this.#what = what
  }

  async current(): Promise<Credential> {
    return this.#credential
  }

  reject(): void {
    // There is no other. The kubeconfig is read again by whoever owns this.
  }

  refusal(): Refusal {
    const { authorization } = this.#credential
    if (authorization === undefined) {
      return {
        code: 'credentials-failed',
        cause: `${this.#what} was not accepted by the cluster.`,
        remedy: 'Log in to the cluster with its own tool, which writes new credentials to the kubeconfig.',
      }
    }
    return tokenRefusal(this.#what, authorization.replace(/^Bearer /, ''))
  }

  dispose(): void {
    // Holds nothing.
  }
}

/** Tells an expired token from one that is simply not accepted. */
export function tokenRefusal(what: string, token: string | undefined, now = Date.now()): Refusal {
  const expiry = token === undefined ? undefined : expiryOf(token)
  const remedy =
    'Log in to the cluster anew, or put a new token into its place. Berth sees the change by itself.'
  if (expiry !== undefined && expiry <= now) {
    return {
      code: 'credentials-expired',
      cause: `${what} has expired, ${new Date(expiry).toISOString()}.`,
      remedy,
    }
  }
  return { code: 'credentials-failed', cause: `${what} was not accepted by the cluster.`, remedy }
}

/** The Problem of a client certificate that has expired, if it has. */
export function certificateRefusal(what: string, cert: string, now = Date.now()): Refusal | undefined {
  const expiry = certificateExpiry(cert)
  if (expiry === undefined || expiry > now) return undefined
  return {
    code: 'credentials-expired',
    cause: `${what} has expired, ${new Date(expiry).toISOString()}.`,
    remedy: 'Get a new certificate from the tool that made this one. Berth sees the change by itself.',
  }
}

/** Milliseconds since the epoch; undefined where it is no certificate. */
export function certificateExpiry(cert: string): number | undefined {
  try {
    const expiry = Date.parse(new X509Certificate(cert).validTo)
    return Number.isNaN(expiry) ? undefined : expiry
  } catch {
    return undefined
  }
}
