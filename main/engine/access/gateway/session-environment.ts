import { text } from 'node:stream/consumers'
import type { Workspace } from '#contract'
import type { Link } from '../../link/link'
import { message } from '../../link/ssh/messages'
import { Reader, Writer } from '../../link/ssh/wire'
import { NAMES_VARIABLE } from '../../link/variables-file'

/** Milliseconds for the workspace to say what it has; sessions go without after that. */
const LIMIT = 5_000
const SESSION = 'session'

/** Variables by name. */
type Variables = Readonly<Record<string, string>>

/**
 * What a workspace's definition adds to the environment of tools (containers.dev, `remoteEnv`) and what its user has
 * set, as it comes out in the workspace: terminals have the same. Empty where it cannot be known; never rejects.
 */
export async function remoteEnvironment(
  link: Link,
  workspace: Workspace,
  signal: AbortSignal,
): Promise<Variables> {
  const { remoteEnv } = workspace.definition
  const names = Object.keys(remoteEnv).filter((name) => remoteEnv[name] !== null)
  // Without a shell there are no variables of the user's either.
  if (names.length === 0 && workspace.user.shell === undefined) return {}
  const limit = AbortSignal.any([signal, AbortSignal.timeout(LIMIT)])
  try {
    const process = await link.exec({ command: ['env', '-0'], cwd: '/' }, limit)
    const giveUp = () => process.destroy()
    limit.addEventListener('abort', giveUp, { once: true })
    process.stdin.end()
    process.stderr?.resume()
    const said = await text(process.stdout)
    limit.removeEventListener('abort', giveUp)
    const found = said
      .split('\0')
      .map((entry) => [entry.slice(0, entry.indexOf('=')), entry.slice(entry.indexOf('=') + 1)])
    const own = found.find(([name]) => name === NAMES_VARIABLE)?.[1] ?? ''
    const wanted = new Set([...names, ...own.split(' ')])
    return Object.fromEntries(found.filter(([name = '']) => wanted.has(name)))
  } catch {
    // Nor is it worth failing for.
    return {}
  }
}

/**
 * Gives each session of a client variables before the client's own, which go over them (RFC 4254, section 6.4). They
 * want no reply, so that neither side sees anything of it.
 */
export class SessionEnvironment {
  readonly #variables: readonly (readonly [string, string])[]
  /** The client's numbers of sessions that it has asked for. */
  readonly #asked = new Set<number>()

  constructor(variables: Variables) {
    this.#variables = Object.entries(variables)
  }

  /** Sees a message of the client. */
  fromClient(payload: Buffer): void {
    if (this.#variables.length === 0 || payload[0] !== message.channelOpen) return
    const reader = new Reader(payload, 1)
    if (reader.text() === SESSION) this.#asked.add(reader.uint32())
  }

  /** Sees a message of the agent; what is to be sent to it then. */
  fromAgent(payload: Buffer): readonly Buffer[] {
    const type = payload[0]
    if (type !== message.channelOpenConfirmation && type !== message.channelOpenFailure) return []
    const reader = new Reader(payload, 1)
    const isSession = this.#asked.delete(reader.uint32())
    if (!isSession || type === message.channelOpenFailure) return []
    const channel = reader.uint32()
    return this.#variables.map(([name, value]) =>
      new Writer()
        .byte(message.channelRequest)
        .uint32(channel)
        .string('env')
        .boolean(false)
        .string(name)
        .string(value)
        .done(),
    )
  }
}
