import type { Readable, Writable } from 'node:stream'
import { finished, pipeline } from 'node:stream/promises'
import type { ExecExit, ExecProcess } from '../main/engine/drivers/driver'
import type { Engine } from '../main/engine/engine'
import { type AskPerson, askByKey, askByLine, attendConsents } from './consent'
import { drained } from './descriptor-stream'
import type { CommandContext } from './execute'
import { DetachKey, enterRawMode, ModeTracker } from './raw-mode'

/** After so many interrupts the command is given up although it still runs. */
const GIVE_UP_AFTER = 3

/** How long a process that is left may take to heed a signal, and to end at all, milliseconds. */
const END_GRACE = 500
const END_LIMIT = 5_000

export interface Attached {
  readonly exit: ExecExit
  /** The user left, or gave up, while it still ran. */
  readonly left: boolean
}

/** Joins a process without a terminal to our standard streams: exact bytes, end of file, signals. */
export async function attachStreams(
  context: CommandContext,
  engine: Engine,
  process_: ExecProcess,
  options: { readonly stdin: boolean },
): Promise<Attached> {
  const { console, interrupts } = context
  let left = false
  let interruptions = 0
  const release = interrupts.takeOver((signal) => {
    interruptions += signal === 'SIGINT' ? 1 : 0
    if (interruptions > GIVE_UP_AFTER) process_.destroy()
    else if (interruptions === GIVE_UP_AFTER) {
      left = true
      void end(process_)
    } else void forwardSignal(process_, signal)
  })
  // Our own output broke (EPIPE): the process has nobody to write to.
  const onAbort = () => void end(process_)
  context.signal.addEventListener('abort', onAbort, { once: true })
  const feeding = feed(console.stdin, process_.stdin, options.stdin)
  const stopAsking = attendConsents(context, engine, between(feeding, askByLine(console)))
  try {
    const [exit] = await Promise.all([
      process_.exit,
      copy(process_.stdout, console.stdout),
      process_.stderr ? copy(process_.stderr, console.stderr) : undefined,
    ])
    return { exit, left }
  } finally {
    stopAsking()
    feeding.stop()
    context.signal.removeEventListener('abort', onAbort)
    release()
  }
}

/** Joins a process with a terminal to ours: raw keys, its size, and the terminal as it was afterwards. */
export async function attachTerminal(
  context: CommandContext,
  engine: Engine,
  process_: ExecProcess,
  options: { readonly detach: boolean },
): Promise<Attached> {
  const { console, interrupts } = context
  let left = false
  const leave = () => {
    if (left) process_.destroy()
    else void end(process_)
    left = true
  }
  // In raw mode Ctrl-C is a key; a signal means that someone wants this process to end.
  const release = interrupts.takeOver(leave)
  context.signal.addEventListener('abort', leave, { once: true })
  const restore = enterRawMode(console)
  const stopResizing = console.onResize(() => {
    const { columns, rows } = console.size()
    // A process that ended in the same moment has no size any more.
    process_.resize(columns, rows).catch(() => undefined)
  })
  const key = new DetachKey()
  const onKeys = (data: Buffer) => {
    if (options.detach && key.press(data, Date.now())) leave()
  }
  if (console.stdinIsTerminal) console.stdin.on('data', onKeys)
  const feeding = feed(console.stdin, process_.stdin, true)
  const stopAsking = attendConsents(context, engine, between(feeding, askByKey(console)))
  const modes = new ModeTracker()
  process_.stdout.on('data', (chunk: Buffer) => modes.see(chunk))
  try {
    const [exit] = await Promise.all([process_.exit, copy(process_.stdout, console.stdout)])
    return { exit, left }
  } finally {
    stopAsking()
    feeding.stop()
    console.stdin.off('data', onKeys)
    stopResizing()
    context.signal.removeEventListener('abort', leave)
    release()
    if (console.stdoutIsTerminal) console.stdout.write(modes.restore())
    restore()
  }
}

interface Feeding {
  /** Keeps what is typed from the process for a while. */
  hold(): void
  goOn(): void
  stop(): void
}

/** Asks with what is typed meanwhile kept from the process. */
function between(feeding: Feeding, ask: AskPerson): AskPerson {
  return async (question, signal) => {
    feeding.hold()
    try {
      return await ask(question, signal)
    } finally {
      feeding.goOn()
    }
  }
}

/** Hands our stdin over, end of file included. */
function feed(from: Readable, to: Writable, wanted: boolean): Feeding {
  if (!wanted) {
    to.end()
    return { hold: () => undefined, goOn: () => undefined, stop: () => undefined }
  }
  // A process that no longer reads is its own affair; its exit code tells.
  to.on('error', () => undefined)
  from.on('error', () => to.end())
  from.pipe(to)
  let over = false
  const hold = () => {
    from.unpipe(to)
    from.pause()
  }
  return {
    hold,
    goOn: () => void (over || from.pipe(to)),
    stop: () => {
      over = true
      hold()
    },
  }
}

/**
 * Copies to the end, leaving `to` open, and waits until all of it is written: a terminal that is given back too early
 * would change what is still on its way. An error of `from` is told by the process's exit, one of `to` by its own
 * listener.
 */
async function copy(from: Readable, to: Writable): Promise<void> {
  to.once('error', () => from.destroy())
  try {
    await pipeline(from, to, { end: false })
    await drained(to)
  } catch {
    from.destroy()
    await finished(from).catch(() => undefined)
  }
}

/**
 * Ends a process that is left, as closing a terminal does: asks it, and then forces it. A connection that is merely
 * closed would leave it running inside for ever.
 */
async function end(process_: ExecProcess): Promise<void> {
  const limit = setTimeout(() => process_.destroy(), END_LIMIT)
  const over = process_.exit.then(() => true)
  try {
    for (const signal of ['SIGHUP', 'SIGTERM', 'SIGKILL']) {
      await process_.kill(signal)
      if (await Promise.race([over, after(END_GRACE)])) return
    }
  } catch {
    // Nothing inside can signal it, or the connection is gone: only the connection is left to close.
  } finally {
    clearTimeout(limit)
    process_.destroy()
  }
}

function after(milliseconds: number): Promise<false> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds, false))
}

async function forwardSignal(process_: ExecProcess, signal: string): Promise<void> {
  try {
    await process_.kill(signal)
  } catch {
    // It ended in the same moment, or cannot be signalled (no way in): the third interrupt gives it up.
  }
}
