import { createHmac, randomBytes } from 'node:crypto'
import type { Filled } from './laptop-git'

/** How many are remembered, over all workspaces. */
const REMEMBERED = 500

/**
 * Which credentials workspaces were given, as far as this process knows: what a workspace says of any other, that it was
 * accepted or was not, is not passed on. No password is kept, only what tells whether it is the same.
 */
export class Given {
  readonly #key = randomBytes(32)
  /** What may still be said of each. Insertion order is age. */
  readonly #open = new Map<string, Set<string>>()

  add(workspaceId: string, origin: string, { password, username }: Filled): void {
    const name = this.#name(workspaceId, origin, username, password)
    this.#open.delete(name)
    this.#open.set(name, new Set(['store', 'erase']))
    for (const oldest of this.#open.keys()) {
      if (this.#open.size <= REMEMBERED) break
      this.#open.delete(oldest)
    }
  }

  /** Whether that may be said of it; once each. */
  take(
    workspaceId: string,
    origin: string,
    { password, username }: { readonly username?: string; readonly password?: string },
    operation: string,
  ): boolean {
    if (username === undefined || password === undefined) return false
    return this.#open.get(this.#name(workspaceId, origin, username, password))?.delete(operation) === true
  }

  #name(...parts: readonly string[]): string {
    return createHmac('sha256', this.#key).update(JSON.stringify(parts)).digest('base64')
  }
}
