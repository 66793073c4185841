import { connect } from 'node:net'
import type { Platform } from '../../../../platform/platform'
import { GrpcError, grpcCodes, type Method } from './grpc'
import { bytesField, writeMessage } from './protobuf'

/** Where OpenSSH for Windows listens, unless SSH_AUTH_SOCK says otherwise. */
const WINDOWS_PIPE = '\\\\.\\pipe\\openssh-ssh-agent'
/** What a build may ask of an agent: to list its keys, and to sign (draft-ietf-sshm-ssh-agent, "Message numbers"). */
const allowed = new Set([11, 13])
/** SSH_AGENT_FAILURE, as a frame. */
const refusal = Buffer.from([0, 0, 0, 1, 5])
/** Bytes of one request: OpenSSH's own limit. */
const LONGEST_REQUEST = 256 * 1024

/** The user's own SSH agent; undefined where there is none. */
export function agentPath({ env }: Pick<Platform, 'env'>): string | undefined {
  return env.SSH_AUTH_SOCK || (process.platform === 'win32' ? WINDOWS_PIPE : undefined)
}

/** Takes requests of the agent protocol apart: what is allowed goes on, all else is refused. */
export class AgentRequests {
  #rest: Buffer = Buffer.alloc(0)

  /** In their order: what goes to the agent, and how many requests were refused before it. Throws at what is none. */
  take(bytes: Buffer): readonly { readonly frame: Buffer; readonly isAllowed: boolean }[] {
    const found: { frame: Buffer; isAllowed: boolean }[] = []
    this.#rest = Buffer.concat([this.#rest, bytes])
    while (this.#rest.length >= 4) {
      const length = this.#rest.readUInt32BE(0)
      if (length === 0 || length > LONGEST_REQUEST) throw new Error('This is no request to an SSH agent.')
      if (this.#rest.length < 4 + length) break
      const frame = this.#rest.subarray(0, 4 + length)
      this.#rest = this.#rest.subarray(4 + length)
      found.push({ frame, isAllowed: allowed.has(frame[4] ?? 0) })
    }
    return found
  }
}

/** `moby.sshforward.v1.SSH/ForwardAgent`: the agent's socket, as messages with one field of bytes. */
export function forwardAgent(path: string): Method {
  return async (messages, send, { signal }) => {
    const socket = connect(path)
    socket.on('error', () => undefined)
    const end = () => socket.destroy()
    signal.addEventListener('abort', end, { once: true })
    // A refusal in between waits for what was asked before it: answers have the requests' order.
    let refusals = 0
    let waiting = 0
    const sending = (async () => {
      try {
        let rest: Buffer = Buffer.alloc(0)
        for await (const chunk of socket) {
          rest = Buffer.concat([rest, chunk as Buffer])
          while (rest.length >= 4 && rest.length >= 4 + rest.readUInt32BE(0)) {
            const length = 4 + rest.readUInt32BE(0)
            await send(writeMessage([[1, rest.subarray(0, length)]]))
            rest = rest.subarray(length)
            waiting--
          }
          for (; waiting === 0 && refusals > 0; refusals--) await send(writeMessage([[1, refusal]]))
        }
      } catch {
        // The agent went away: who asks it sees its end.
      }
    })()
    try {
      const requests = new AgentRequests()
      for await (const message of messages) {
        for (const { frame, isAllowed } of requests.take(bytesField(message, 1))) {
          if (isAllowed) {
            waiting++
            socket.write(frame)
          } else if (waiting === 0) await send(writeMessage([[1, refusal]]))
          else refusals++
        }
      }
    } finally {
      signal.removeEventListener('abort', end)
      socket.end()
      await sending
      socket.destroy()
    }
  }
}

/** What a build is told that asks for an agent which it may not have. */
export function refused(): never {
  throw new GrpcError(
    grpcCodes.permissionDenied,
    'the SSH agent is given to a build only where that is allowed (--build-ssh)',
  )
}
