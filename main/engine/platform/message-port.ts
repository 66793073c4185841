import type { MessagePort } from 'node:worker_threads'
import type { Disposer } from './disposable'

/**
 * One end of a message channel, whoever made it: Electron's MessagePortMain, a browser's or Node's MessagePort.
 * Messages are structured clones; order is kept.
 */
export interface MessageEndpoint {
  /** Does nothing once the channel is closed. */
  post(message: unknown): void
  onMessage(listener: (message: unknown, ports: readonly MessageEndpoint[]) => void): Disposer
  /** Called once, when either end closed; at once where it is closed already. */
  onClose(listener: () => void): Disposer
  close(): void
}

/** Node's own MessagePort as an endpoint, for hosts in the same process: the command line and tests. */
export function nodeEndpoint(port: MessagePort): MessageEndpoint {
  let closed = false
  port.once('close', () => {
    closed = true
  })
  return {
    post: (message) => port.postMessage(message),
    onMessage(listener) {
      const onMessage = (message: unknown) => listener(message, [])
      port.on('message', onMessage)
      return () => {
        port.off('message', onMessage)
      }
    },
    onClose(listener) {
      if (closed) {
        listener()
        return () => undefined
      }
      port.once('close', listener)
      return () => {
        port.off('close', listener)
      }
    },
    close: () => port.close(),
  }
}
