import type { MessageEndpoint } from './platform/message-port'

/** What Electron's MessagePortMain looks like from here; the engine imports no electron, and a test has its own. */
export interface HostPort {
  postMessage(message: unknown): void
  on(event: 'message', listener: (event: { data: unknown; ports: readonly HostPort[] }) => void): unknown
  on(event: 'close', listener: () => void): unknown
  off(event: 'message', listener: (event: { data: unknown; ports: readonly HostPort[] }) => void): unknown
  start(): void
  close(): void
}

/** Electron's port as an endpoint. Messages wait until the first `onMessage`. */
export function hostEndpoint(port: HostPort): MessageEndpoint {
  let closed = false
  let started = false
  const closeListeners = new Set<() => void>()
  const noteClose = () => {
    if (closed) return
    closed = true
    for (const listener of [...closeListeners]) listener()
    closeListeners.clear()
  }
  port.on('close', noteClose)
  return {
    post(message) {
      if (!closed) port.postMessage(ownBytes(message))
    },
    onMessage(listener) {
      const onMessage = (event: { data: unknown; ports: readonly HostPort[] }) =>
        listener(event.data, event.ports.map(hostEndpoint))
      port.on('message', onMessage)
      if (!started) port.start()
      started = true
      return () => {
        port.off('message', onMessage)
      }
    },
    onClose(listener) {
      if (closed) {
        listener()
        return () => undefined
      }
      // A closed port is only noticed once it was started.
      closeListeners.add(listener)
      return () => {
        closeListeners.delete(listener)
      }
    },
    close() {
      if (closed) return
      port.close()
      noteClose()
    },
  }
}

/**
 * A view's structured clone is its whole buffer, and Node's small Buffers share one of 8 KiB with whatever else was
 * allocated just then. So bytes that do not own their buffer are copied before they leave this process.
 */
function ownBytes(message: unknown): unknown {
  if (typeof message !== 'object' || message === null || !('data' in message)) return message
  const { data } = message
  if (!(data instanceof Uint8Array) || data.byteLength === data.buffer.byteLength) return message
  return { ...message, data: new Uint8Array(data) }
}
