import type { Disposer } from './disposable'

/**
 * One end of a message channel, whoever made it: Electron's MessagePortMain, a browser's or Node's MessagePort.
 * Messages are structured clones; order is kept.
 */
export interface MessageEndpoint {
  post(message: unknown): void
  onMessage(listener: (message: unknown, ports: readonly MessageEndpoint[]) => void): Disposer
  /** Called once, when either end closed. */
  onClose(listener: () => void): Disposer
  close(): void
}
