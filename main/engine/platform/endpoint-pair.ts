import type { MessageEndpoint } from './message-port'

type Listener = (message: unknown, ports: readonly MessageEndpoint[]) => void

/** An endpoint that can also send other endpoints along, as a client does to open a stream. */
export interface PairedEndpoint extends MessageEndpoint {
  post(message: unknown, ports?: readonly MessageEndpoint[]): void
}

/**
 * A channel within one process, without copying: for the command line and tests. Messages arrive in order, in a
 * later microtask; what comes before the first listener is kept for it; closing delivers what was sent before.
 */
export function endpointPair(): [PairedEndpoint, PairedEndpoint] {
  const left = new LocalEndpoint()
  const right = new LocalEndpoint()
  left.peer = right
  right.peer = left
  return [left, right]
}

class LocalEndpoint implements PairedEndpoint {
  peer: LocalEndpoint | undefined
  readonly #listeners = new Set<Listener>()
  readonly #closeListeners = new Set<() => void>()
  readonly #waiting: [unknown, readonly MessageEndpoint[]][] = []
  #closed = false

  post(message: unknown, ports: readonly MessageEndpoint[] = []): void {
    if (this.#closed) return
    const peer = this.peer
    queueMicrotask(() => peer?.deliver(message, ports))
  }

  onMessage(listener: Listener) {
    this.#listeners.add(listener)
    const waiting = this.#waiting.splice(0)
    for (const [message, ports] of waiting) listener(message, ports)
    return () => {
      this.#listeners.delete(listener)
    }
  }

  onClose(listener: () => void) {
    if (this.#closed) listener()
    else this.#closeListeners.add(listener)
    return () => {
      this.#closeListeners.delete(listener)
    }
  }

  close(): void {
    if (this.#closed) return
    const peer = this.peer
    this.markClosed()
    queueMicrotask(() => peer?.markClosed())
  }

  deliver(message: unknown, ports: readonly MessageEndpoint[]): void {
    if (this.#closed) return
    if (this.#listeners.size === 0) this.#waiting.push([message, ports])
    for (const listener of [...this.#listeners]) listener(message, ports)
  }

  markClosed(): void {
    if (this.#closed) return
    this.#closed = true
    const listeners = [...this.#closeListeners]
    this.#closeListeners.clear()
    for (const listener of listeners) listener()
  }
}
