import { refusalOf } from './problems'

/** A way to do the same thing: its name, and the attempt. */
export interface Way<Name extends string, T> {
  readonly name: Name
  readonly attempt: () => Promise<T>
}

/** Which way works at a server, found out once. One per server and identity. */
export class ProtocolMemory<Name extends string> {
  #works: Name | undefined

  /** What was last seen to work. */
  get works(): Name | undefined {
    return this.#works
  }

  /**
   * Tries the ways in order, or first the one that is known to work, until one succeeds. An answer that would be the
   * same for all of them, and a server that does not answer, end the search. Where none succeeds the most telling
   * refusal is thrown: one of permissions before one of protocols, and first of all one that names what is not allowed.
   */
  async first<T>(ways: readonly Way<Name, T>[], signal: AbortSignal): Promise<T> {
    const known = ways.find((way) => way.name === this.#works)
    const ordered = known ? [known, ...ways.filter((way) => way !== known)] : ways
    let worst: unknown
    for (const { name, attempt } of ordered) {
      signal.throwIfAborted()
      try {
        const result = await attempt()
        this.#works = name
        return result
      } catch (error) {
        if (signal.aborted || !mayBeTheProtocol(error)) throw error
        if (worst === undefined || telling(error) > telling(worst)) worst = error
      }
    }
    throw worst
  }
}

/**
 * Whether another protocol may succeed. Servers, and proxies before them, refuse an upgrade that they do not know with
 * whatever status; but who is not known, and what is not there, is so for every protocol.
 */
function mayBeTheProtocol(error: unknown): boolean {
  // 101, but for another protocol than the one that was asked for.
  if (error instanceof Error && error.name === 'AnswerError') return true
  const refusal = refusalOf(error)
  if (!refusal) return false
  if (refusal.status === 401 || refusal.status === 429) return false
  return !(refusal.status === 404 && refusal.reason === 'NotFound')
}

/**
 * A role may allow `create` (POST) and not `get` (websocket), or the other way round. Since 1.35 a websocket that may be
 * got and not created is forbidden without a word on why.
 */
function telling(error: unknown): number {
  const refusal = refusalOf(error)
  if (refusal?.reason !== 'Forbidden') return 0
  return /is forbidden:\s*$/.test(refusal.message) ? 1 : 2
}
