import { message } from './messages'
import { type Carrier, Transport, type TransportHandlers } from './transport'
import { Writer } from './wire'

const USER = 'berth'

/**
 * A transport in the part of the client that has asked to be let in (RFC 4252, sections 5 and 5.2): `ready` comes when
 * it is, and `message` with what comes after that. It proves to nobody who it is: who has the carrier is in.
 */
export function enter(carrier: Carrier, handlers: TransportHandlers): Transport {
  let isIn = false
  const ask = (payload: Buffer) => {
    switch (payload[0]) {
      case message.serviceAccept:
        transport.send(
          new Writer()
            .byte(message.userauthRequest)
            .string(USER)
            .string('ssh-connection')
            .string('none')
            .done(),
        )
        return
      case message.userauthBanner:
        return
      case message.userauthSuccess:
        isIn = true
        handlers.ready()
        return
      default:
        transport.end(new Error('the other side wants to know who this is'))
    }
  }
  const transport = new Transport(carrier, {
    ready: () => transport.send(new Writer().byte(message.serviceRequest).string('ssh-userauth').done()),
    message: (payload) => {
      if (isIn) handlers.message(payload)
      else ask(payload)
    },
    drained: () => handlers.drained(),
    ended: (reason) => handlers.ended(reason),
  })
  return transport
}
