import type { Readable } from 'node:stream'
import { problem, TerminalSize } from '#contract'
import type { ExecProcess } from '../../drivers/driver'
import { type Channel, OpenRefused, type SshConnection, SshProtocolError, Writer } from '../ssh/connection'
import { Lines } from './lines'
import { AgentProcess } from './process'

/** Up to where the output of a terminal is known: bytes since its beginning. `epoch` tells it from another of its name. */
export interface TerminalPosition {
  readonly epoch: string
  readonly offset: number
}

/** What a terminal that is attached to begins with. */
export interface TerminalBeginning extends TerminalPosition {
  /** The size that it has now. */
  readonly columns: number
  readonly rows: number
  /** The screen as it was at `offset`, as escape sequences for a fresh terminal of that size. Absent: a fresh terminal. */
  readonly snapshot?: { readonly data: Buffer; readonly columns: number; readonly rows: number }
  /** Up to where output is from before the attaching: what it asked for was answered, or is not waited for any more. */
  readonly end: number
  /** Output before `offset` is not kept any more. */
  readonly lost: boolean
  /** Bytes of this writer's input that it took so far, over all its attachments; absent where they are not counted. */
  readonly typed?: number
}

/** A terminal that goes on without its connection. Its output begins at `beginning`; to destroy it is to let go of it. */
export interface KeptTerminal extends ExecProcess {
  readonly beginning: TerminalBeginning
  /** Calls back with every size that it is given from now on, by whomever. */
  onSize(listener: (columns: number, rows: number) => void): void
  /** Calls back now and then with how much of this writer's input it took: see {@link TerminalBeginning.typed}. */
  onTyped(listener: (typed: number) => void): void
}

/** A terminal as the agent lists it. */
export interface TerminalFacts {
  readonly id: string
  /** What it was called; empty: nothing. */
  readonly name: string
  readonly createdAt: number
  /** As it was started. */
  readonly command: readonly string[]
  readonly columns: number
  readonly rows: number
}

export interface TerminalToMake {
  readonly command: readonly string[]
  readonly cwd?: string
  readonly env: Readonly<Record<string, string>>
  readonly columns: number
  readonly rows: number
}

/** All that lies between a program and the screen has to be shown before the prompt that follows Control-C. */
const WINDOW = 128 * 1024

/** The name of whatever cannot be found, in what the agent says. */
const NO_TERMINAL = 'no-terminal'

/**
 * Attaches to a terminal, or makes it (PROTOCOL.md, `terminal@berth.dev`). With `from` its output goes on from there,
 * where the agent still has it. Rejects with `not-found` where there is none, and as {@link SshConnection.open} does.
 */
export async function openTerminal(
  connection: SshConnection,
  id: string,
  options: {
    readonly writer?: string
    readonly create?: TerminalToMake
    readonly from?: TerminalPosition
  },
  signal: AbortSignal,
): Promise<KeptTerminal> {
  let channel: Channel
  try {
    const asked = JSON.stringify({ id, role: 'write', ...options })
    channel = await connection.open('terminal@berth.dev', new Writer().string(asked).done(), signal, WINDOW)
  } catch (error) {
    throw error instanceof OpenRefused ? refusal(error.message) : error
  }
  // Before its beginning is read: it may have ended, and that is told only once.
  const terminal = new AgentProcess(channel, true)
  try {
    const beginning = await beginningOf(channel)
    const notices = followNotices(channel.stderr)
    return Object.assign(terminal, { beginning, ...notices })
  } catch (error) {
    terminal.destroy()
    throw error
  }
}

/** Reads the lines that tell of new sizes, and of what was typed; what is neither is passed over. */
function followNotices(notices: Readable): Pick<KeptTerminal, 'onSize' | 'onTyped'> {
  let toldSize: Parameters<KeptTerminal['onSize']>[0] = () => undefined
  let toldTyped: Parameters<KeptTerminal['onTyped']>[0] = () => undefined
  const lines = new Lines()
  notices.on('data', (chunk: Buffer) => {
    for (const line of lines.push(chunk)) {
      const { columns, rows, typed } = parseNotice(line)
      if (isSize(columns) && isSize(rows)) toldSize(columns, rows)
      if (isCount(typed)) toldTyped(typed)
    }
  })
  return {
    onSize(listener) {
      toldSize = listener
    },
    onTyped(listener) {
      toldTyped = listener
    },
  }
}

function parseNotice(line: string): {
  readonly columns?: unknown
  readonly rows?: unknown
  readonly typed?: unknown
} {
  try {
    return JSON.parse(line) ?? {}
  } catch {
    return {}
  }
}

/** As large as the contract lets a terminal be. */
function isSize(value: unknown): value is number {
  return TerminalSize.safeParse(value).success
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0
}

function refusal(said: string): Error {
  if (said === NO_TERMINAL) {
    return problem({
      code: 'not-found',
      title: 'The terminal is not there any more',
      cause: 'The workspace does not know it: it was ended, or the workspace was started anew.',
      remedy: 'Open a new terminal.',
    })
  }
  return problem({
    code: 'exec-failed',
    title: 'The terminal could not be started',
    cause: `The workspace refused it: ${said}.`,
    remedy: 'Close terminals that are not used, and try again.',
  })
}

/**
 * Takes the first line, and the snapshot after it, off a channel. What follows is given back in the same turn: a stream
 * that was read to its end has ended by the next.
 */
function beginningOf(channel: Channel): Promise<TerminalBeginning> {
  return new Promise((resolve, reject) => {
    let held: Buffer = Buffer.alloc(0)
    const settle = (action: () => void) => {
      channel.off('readable', read)
      channel.off('end', onOver)
      channel.off('close', onOver)
      action()
    }
    /** Whether it is done. */
    const take = (chunk: Buffer): boolean => {
      held = held.length === 0 ? chunk : Buffer.concat([held, chunk])
      const found = parseBeginning(held)
      if (!found) return false
      if (found.rest.length > 0) channel.unshift(found.rest)
      settle(() => resolve(found.beginning))
      return true
    }
    const read = () => {
      try {
        for (let chunk: Buffer | null = channel.read(); chunk; chunk = channel.read()) if (take(chunk)) return
      } catch (error) {
        settle(() => reject(error))
      }
    }
    const onOver = () =>
      settle(() => reject(channel.errored ?? new SshProtocolError('a terminal that ended before it began')))
    channel.on('readable', read)
    channel.once('end', onOver)
    channel.once('close', onOver)
    read()
  })
}

/** Undefined while there is not enough. */
function parseBeginning(
  held: Buffer,
): { readonly beginning: TerminalBeginning; readonly rest: Buffer } | undefined {
  const line = held.indexOf(10)
  if (line < 0) return undefined
  const header = parseHeader(held.toString('utf8', 0, line))
  const { columns, end, epoch, lost, rows, snapshot, start, typed } = header
  const after = held.subarray(line + 1)
  const size = snapshot?.size ?? 0
  if (after.length < size) return undefined
  const screen = snapshot && {
    snapshot: { data: after.subarray(0, size), columns: snapshot.columns, rows: snapshot.rows },
  }
  return {
    beginning: {
      epoch,
      offset: start,
      columns,
      rows,
      ...screen,
      end,
      lost,
      ...(typed !== undefined && { typed }),
    },
    rest: after.subarray(size),
  }
}

interface Header {
  readonly epoch: string
  readonly start: number
  readonly end: number
  readonly columns: number
  readonly rows: number
  readonly snapshot: { readonly size: number; readonly columns: number; readonly rows: number } | null
  readonly lost: boolean
  readonly typed?: number
}

function parseHeader(line: string): Header {
  try {
    const header = JSON.parse(line) as Header
    const { columns, end, epoch, rows, snapshot, start, typed } = header
    const numbers = [
      start,
      end,
      columns,
      rows,
      snapshot?.size ?? 0,
      snapshot?.columns ?? 1,
      snapshot?.rows ?? 1,
      typed ?? 0,
    ]
    if (typeof epoch === 'string' && numbers.every(isCount)) return header
  } catch {
    // Told below.
  }
  throw new SshProtocolError('a terminal that does not say where it begins')
}

/** Lists of all terminals, the first at once and then at every change, until the channel or the connection ends. */
export async function* followTerminals(
  connection: SshConnection,
  signal: AbortSignal,
): AsyncGenerator<readonly TerminalFacts[]> {
  const channel = await connection.open('terminals@berth.dev', Buffer.alloc(0), signal)
  const close = () => channel.destroy()
  signal.addEventListener('abort', close, { once: true })
  const lines = new Lines()
  try {
    for await (const chunk of channel) {
      const line = lines.push(chunk as Buffer).at(-1)
      if (line !== undefined) yield parseTerminals(line)
    }
  } finally {
    signal.removeEventListener('abort', close)
    channel.destroy()
  }
}

/** What can be asked about one terminal. */
export type TerminalRequest =
  | { readonly rename: { readonly id: string; readonly name: string } }
  /** Ends what runs in it, and forgets it. */
  | { readonly end: { readonly id: string } }
  | { readonly forget: { readonly id: string } }

/** Resolves when the agent has done it, also where there is no such terminal. Rejects as {@link SshConnection.open} does. */
export async function askAboutTerminal(
  connection: SshConnection,
  request: TerminalRequest,
  signal: AbortSignal,
): Promise<void> {
  const channel = await connection.open('terminals@berth.dev', Buffer.alloc(0), signal)
  const close = () => channel.destroy()
  signal.addEventListener('abort', close, { once: true })
  channel.write(`${JSON.stringify({ request: 1, ...request })}\n`)
  const lines = new Lines()
  try {
    for await (const chunk of channel)
      for (const line of lines.push(chunk as Buffer)) if (isReply(line)) return
  } finally {
    signal.removeEventListener('abort', close)
    channel.destroy()
  }
}

function isReply(line: string): boolean {
  try {
    return (JSON.parse(line) as { readonly reply?: unknown }).reply === 1
  } catch {
    return false
  }
}

/** The screen of a terminal after the output before `offset`. */
export interface TerminalCheckpoint extends TerminalPosition {
  readonly columns: number
  readonly rows: number
  /** As escape sequences for a fresh terminal. */
  readonly data: Buffer
}

/** Most that a checkpoint may have, in bytes (PROTOCOL.md). */
const LARGEST_CHECKPOINT = 4 * 1024 * 1024

/** Leaves a checkpoint with the agent, so that who attaches later has the screen at once. Resolves when it has it. */
export async function checkpointTerminal(
  connection: SshConnection,
  id: string,
  { columns, data, epoch, offset, rows }: TerminalCheckpoint,
  signal: AbortSignal,
): Promise<void> {
  if (data.length > LARGEST_CHECKPOINT) return
  const asked = JSON.stringify({ id, epoch, offset, size: data.length, columns, rows })
  const channel = await connection.open('checkpoint@berth.dev', new Writer().string(asked).done(), signal)
  channel.resume()
  channel.end(data)
  await channel.over
}

interface ToldTerminal {
  readonly id?: unknown
  readonly name?: unknown
  readonly createdAt?: unknown
  readonly command?: unknown
  readonly columns?: unknown
  readonly rows?: unknown
  readonly pid?: unknown
  readonly foreground?: {
    readonly pid?: unknown
    readonly process?: unknown
    readonly command?: unknown
  } | null
  readonly exit?: unknown
}

/** What is not understood is left out. Throws {@link SshProtocolError} on what is no list. */
export function parseTerminals(line: string): readonly TerminalFacts[] {
  let told: unknown
  try {
    told = (JSON.parse(line) as { readonly terminals?: unknown } | null)?.terminals
  } catch {
    throw new SshProtocolError('a list of terminals that is no JSON')
  }
  if (!Array.isArray(told)) throw new SshProtocolError('a list without terminals')
  return (told as (ToldTerminal | null)[]).flatMap((terminal): TerminalFacts[] => {
    const { columns, command, createdAt, id, name, rows } = terminal ?? {}
    if (typeof id !== 'string' || typeof columns !== 'number' || typeof rows !== 'number') return []
    return [
      {
        id,
        name: typeof name === 'string' ? name : '',
        createdAt: typeof createdAt === 'number' ? createdAt : 0,
        command: Array.isArray(command) ? command.map(String) : [],
        columns,
        rows,
      },
    ]
  })
}
