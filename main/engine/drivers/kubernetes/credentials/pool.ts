import { createHash } from 'node:crypto'
import type { Authenticator } from './authenticator'

export interface Lease {
  readonly key: string
  readonly authenticator: Authenticator
  /** Ends it when nobody else holds it. Calling it twice does nothing more. */
  release(): void
}

/**
 * Authenticators by identity, so that all contexts and namespaces of one user share one credential, one plugin
 * process, one renewal.
 */
export class AuthenticatorPool {
  readonly #held = new Map<string, { readonly authenticator: Authenticator; count: number }>()

  /** `identity` is everything that makes it another one; only its hash is kept. */
  lease(identity: unknown, make: () => Authenticator): Lease {
    const key = identityKey(identity)
    const held = this.#held.get(key) ?? { authenticator: make(), count: 0 }
    held.count += 1
    this.#held.set(key, held)
    let released = false
    return {
      key,
      authenticator: held.authenticator,
      release: () => {
        if (released) return
        released = true
        held.count -= 1
        if (held.count > 0) return
        this.#held.delete(key)
        held.authenticator.dispose()
      },
    }
  }
}

export function identityKey(identity: unknown): string {
  return createHash('sha256').update(JSON.stringify(identity)).digest('hex')
}
