import { connect, type Socket } from 'node:net'
import type { Platform } from '../../platform/platform'
import { type AgentFrameError, AgentFrames, agentFrame } from './agent-frames'

/** Where OpenSSH for Windows listens (its `ssh-agent` service), unless SSH_AUTH_SOCK says otherwise. */
const WINDOWS_PIPE = '\\\\.\\pipe\\openssh-ssh-agent'
/** How long the agent may take to let somebody in, and to answer, in milliseconds: a key may want to be touched. */
const CONNECT_LIMIT = 5_000
const ANSWER_LIMIT = 3 * 60_000

/** The user's SSH agent; undefined where there is none. */
export function keysPath(
  platform: Pick<Platform, 'env'>,
  system: NodeJS.Platform = process.platform,
): string | undefined {
  return platform.env.SSH_AUTH_SOCK || (system === 'win32' ? WINDOWS_PIPE : undefined)
}

/** A connection to the user's SSH agent, made when it is first asked. */
export class LaptopKeys {
  readonly #path: string
  #socket: Promise<Socket> | undefined
  #answer: { resolve: (frame: Buffer) => void; reject: (error: Error) => void } | undefined

  constructor(path: string) {
    this.#path = path
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
      else socket.write(agentFrame(body))
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
      const frames = new AgentFrames()
      socket.once('connect', () => {
        clearTimeout(timer)
        resolve(socket)
      })
      socket.on('data', (chunk: Buffer) => {
        try {
          for (const frame of frames.push(chunk)) this.#answer?.resolve(frame)
        } catch (error) {
          socket.destroy(error as AgentFrameError)
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
