import { Duplex } from 'node:stream'
import type { ApiWebSocket } from '../api'

/**
 * A websocket's binary messages as a stream of bytes, whose borders mean nothing: what carries SPDY through a server
 * that has websockets alone (KEP-4006).
 */
export function duplexOver(websocket: ApiWebSocket): Duplex {
  let drained: (() => void) | undefined
  const goOn = () => {
    const callback = drained
    drained = undefined
    callback?.()
  }
  websocket.onDrain(goOn)
  const duplex = new Duplex({
    read: () => websocket.resume(),
    write: (chunk: Buffer, _encoding, callback) => {
      if (websocket.send(chunk)) callback()
      else drained = callback
    },
    writev: (chunks, callback) => {
      if (websocket.send(...chunks.map(({ chunk }) => chunk as Buffer))) callback()
      else drained = callback
    },
    final: (callback) => {
      websocket.close()
      callback()
    },
    destroy: (error, callback) => {
      goOn()
      if (duplex.writableFinished) websocket.close()
      else websocket.destroy()
      callback(error)
    },
  })
  websocket.onMessage((data) => {
    if (!duplex.push(data)) websocket.pause()
  })
  void websocket.ended.then(({ clean, reason }) => {
    goOn()
    if (clean) duplex.push(null)
    else duplex.destroy(Object.assign(new Error(reason), { code: 'ECONNRESET' }))
  })
  return duplex
}
