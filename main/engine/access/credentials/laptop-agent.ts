import { connect, type Socket } from 'node:net'

/** How long an agent may take to let somebody in, and to answer, in milliseconds: a key may want to be touched. */
const CONNECT_LIMIT = 5_000
const ANSWER_LIMIT = 3 * 60_000

/** How one speaks with an agent. */
export interface AgentSpeech {
  /** Puts what an agent says together; throws at what is none of its answers. */
  answers(): { push(chunk: Buffer): Buffer[] }
  /** Whether it says something first. */
  readonly greets: boolean
  message(body: Buffer): Buffer
}

/** A connection to an agent of the user's, made when it is first asked. */
export class LaptopAgent {
  readonly #path: string
  readonly #speech: AgentSpeech
  #socket: Promise<Socket> | undefined
  #answer: { resolve: (frame: Buffer) => void; reject: (error: Error) => void } | undefined

  constructor(path: string, speech: AgentSpeech) {
    this.#path = path
    this.#speech = speech
  }

  /** Puts one message and resolves with the agent's answer. One at a time. Rejects where there is none. */
  async ask(body: Buffer): Promise<Buffer> {
    this.#socket ??= this.#connect()
    const socket = await this.#socket
    return new Promise<Buffer>((resolve, reject) => {
      const timer = setTimeout(() => socket.destroy(new Error('it does not answer')), ANSWER_LIMIT)
      const settle =
        <T>(next: (value: T) => void) =>
        (value: T) => {
          clearTimeout(timer)
          this.#answer = undefined
          next(value)
        }
      this.#answer = { resolve: settle(resolve), reject: settle(reject) }
      if (socket.destroyed) this.#answer.reject(new Error('it ended the connection'))
      else socket.write(this.#speech.message(body))
    })
  }

  dispose(): void {
    void this.#socket?.then(
      (socket) => socket.destroy(),
      () => undefined,
    )
  }

  #connect(): Promise<Socket> {
    return new Promise((resolve, reject) => {
      const socket = connect(this.#path)
      const timer = setTimeout(() => socket.destroy(new Error('it does not answer')), CONNECT_LIMIT)
      const answers = this.#speech.answers()
      let isIn = false
      const enter = () => {
        isIn = true
        clearTimeout(timer)
        resolve(socket)
      }
      if (!this.#speech.greets) socket.once('connect', enter)
      socket.on('data', (chunk: Buffer) => {
        try {
          for (const answer of answers.push(chunk))
            if (isIn) this.#answer?.resolve(answer)
            else enter()
        } catch (error) {
          socket.destroy(error as Error)
        }
      })
      socket.on('error', (error) => {
        reject(error)
        this.#answer?.reject(error)
      })
      socket.on('close', () => {
        clearTimeout(timer)
        const ended = new Error('it ended the connection')
        reject(ended)
        this.#answer?.reject(ended)
      })
    })
  }
}
