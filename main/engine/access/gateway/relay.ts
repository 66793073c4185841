import { disconnect, message } from '../../link/ssh/messages'
import type { MessagesConnection } from '../../link/ssh/messages-connection'
import type { Carrier } from '../../link/ssh/transport'
import { Reader, SshProtocolError, Writer } from '../../link/ssh/wire'
import type { Clock } from '../../platform/clock'
import { SshServer, type SshServerOptions } from './server'
import { SessionEnvironment } from './session-environment'

/** The numbers of the connection protocol (RFC 4250, section 4.1.2). */
const FIRST = message.globalRequest
const LAST = 127
/** Milliseconds without a word of the agent after which it is asked for one, and that it then has. */
const SILENCE = 10_000
const ANSWER_LIMIT = 10_000
const KEEPALIVE = 'keepalive@openssh.com'

/** Whose reply comes next: that to a request of the client, or to one of the relay itself. */
type Asker = 'client' | 'relay'

export interface RelayOptions extends SshServerOptions {
  /** What every session of the client has in its environment. */
  readonly environment: Readonly<Record<string, string>>
}

/**
 * Joins an SSH client with the agent of a workspace. Each client has a connection to the agent of its own, so that
 * messages can be passed on as they are: channels, windows, requests, signals, exit codes, resets and forwards are
 * between the two ends, and one client cannot meet another's. Only keys and login differ on the two sides. What one
 * side takes slowly is read slowly from the other.
 */
export class Relay {
  /** Resolves when it is over, on both sides. */
  readonly over: Promise<void>
  readonly #server: SshServer
  readonly #agent: MessagesConnection
  readonly #clock: Clock
  readonly #environment: SessionEnvironment
  readonly #ended = new AbortController()
  readonly #asked: Asker[] = []
  /** Requests of the agent that the client has not answered yet. */
  #toAnswer = 0
  /** When the agent said something, or was listened to anew, by the clock. */
  #lastHeard = 0
  #isAgentPaused = false
  #isClientPaused = false

  constructor(carrier: Carrier, agent: MessagesConnection, options: RelayOptions) {
    this.#agent = agent
    this.#clock = options.clock
    this.#environment = new SessionEnvironment(options.environment)
    let resolveOver: () => void = () => undefined
    this.over = new Promise((resolve) => {
      resolveOver = resolve
    })
    this.#server = new SshServer(carrier, options, {
      entered: () => this.#begin(),
      message: (payload) => this.#fromClient(payload),
      drained: () => this.#flow(),
      ended: () => {
        this.#ended.abort()
        agent.close()
      },
    })
    void agent.ended.then((reason) => {
      this.end(`the connection to the workspace was lost: ${reason.message}`)
      resolveOver()
    })
  }

  /** Ends it, and tells the client why. */
  end(words: string): void {
    this.#server.close(disconnect.connectionLost, words)
  }

  #begin(): void {
    this.#lastHeard = this.#clock.now()
    this.#agent.attend({
      message: (payload) => this.#fromAgent(payload),
      drained: () => this.#flow(),
    })
    void this.#watch()
  }

  #fromClient(payload: Buffer): void {
    const type = payload[0] as number
    if (type < FIRST || type > LAST) throw new SshProtocolError(`message ${type} from a client that is in`)
    if (type === message.globalRequest && wantsReply(payload)) this.#asked.push('client')
    if ((type === message.requestSuccess || type === message.requestFailure) && --this.#toAnswer < 0)
      throw new SshProtocolError('an answer to nothing')
    this.#environment.fromClient(payload)
    this.#agent.send(payload)
    this.#flow()
  }

  #fromAgent(payload: Buffer): void {
    this.#lastHeard = this.#clock.now()
    const type = payload[0] as number
    if (type < FIRST || type > LAST) throw new SshProtocolError(`message ${type} from the agent`)
    if (type === message.requestSuccess || type === message.requestFailure) {
      const asker = this.#asked.shift()
      if (asker === 'relay') return
      if (!asker) throw new SshProtocolError('an answer to nothing')
    }
    if (type === message.globalRequest && wantsReply(payload)) {
      // Whether the client is there is known here. One that is stopped may well be, and answers late.
      if (this.#toAnswer === 0 && new Reader(payload, 1).text() === KEEPALIVE) {
        this.#agent.send(Buffer.from([message.requestFailure]))
        return
      }
      this.#toAnswer += 1
    }
    for (const variable of this.#environment.fromAgent(payload)) this.#agent.send(variable)
    this.#server.send(payload)
    this.#flow()
  }

  /** Reads from each side only what the other can take. */
  #flow(): void {
    if (this.#ended.signal.aborted) return
    const isAgentPaused = this.#server.blocked
    if (isAgentPaused !== this.#isAgentPaused) {
      this.#isAgentPaused = isAgentPaused
      this.#lastHeard = this.#clock.now()
      if (isAgentPaused) this.#agent.pause()
      else this.#agent.resume()
    }
    const isClientPaused = this.#agent.blocked
    if (isClientPaused === this.#isClientPaused) return
    this.#isClientPaused = isClientPaused
    if (isClientPaused) this.#server.pause()
    else this.#server.resume()
  }

  /** Ends it where the agent is silent, though it is listened to. */
  async #watch(): Promise<void> {
    const { signal } = this.#ended
    try {
      while (!signal.aborted) {
        const silence = this.#clock.now() - this.#lastHeard
        if (silence < SILENCE || this.#isAgentPaused) {
          await this.#clock.sleep(this.#isAgentPaused ? SILENCE : SILENCE - silence, signal)
          continue
        }
        const asked = this.#clock.now()
        this.#asked.push('relay')
        this.#agent.send(new Writer().byte(message.globalRequest).string(KEEPALIVE).boolean(true).done())
        await this.#clock.sleep(ANSWER_LIMIT, signal)
        if (this.#lastHeard >= asked || this.#isAgentPaused) continue
        this.end('the workspace does not answer any more')
        return
      }
    } catch {
      // It is over.
    }
  }
}

/** Of a global request (RFC 4254, section 4). */
function wantsReply(payload: Buffer): boolean {
  const reader = new Reader(payload, 1)
  reader.string()
  return reader.boolean()
}
