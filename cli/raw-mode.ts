import { spawnSync } from 'node:child_process'
import type { Console } from './console'

/** Modes that a full-screen program may leave on, by their DEC private number, with what turns each off again. */
const leftovers = new Set([
  '9',
  '1000',
  '1001',
  '1002',
  '1003',
  '1004',
  '1005',
  '1006',
  '1015',
  '1016',
  '2004',
  '1',
  '66',
])
const screens = new Set(['47', '1047', '1049'])

/**
 * Watches what goes to the terminal for modes that are switched on and not off again, so that a connection that breaks
 * in the middle of a full-screen program leaves a usable terminal.
 */
export class ModeTracker {
  readonly #on = new Set<string>()
  #cursorHidden = false
  #carry = ''

  see(chunk: Uint8Array): void {
    // Escape sequences are ASCII; most chunks have none, which is quick to find out.
    if (this.#carry === '' && chunk.indexOf(0x1b) < 0) return
    const text =
      this.#carry + Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength).toString('latin1')
    // biome-ignore lint/suspicious/noControlCharactersInRegex: escape sequences are what it is about
    for (const [, numbers = '', action] of text.matchAll(/\u001b\[\?([\d;]+)([hl])/g)) {
      for (const number of numbers.split(';')) this.#set(number, action === 'h')
    }
    const last = text.lastIndexOf('\u001b')
    this.#carry = last >= 0 && text.length - last < 24 ? text.slice(last) : ''
  }

  #set(number: string, on: boolean): void {
    if (number === '25') this.#cursorHidden = !on
    else if (leftovers.has(number) || screens.has(number)) {
      if (on) this.#on.add(number)
      else this.#on.delete(number)
    }
  }

  /** The sequences that put the terminal back; empty when there is nothing to put back. */
  restore(): string {
    const modes = [...this.#on].map((number) => `\u001b[?${number}l`).join('')
    return modes + (this.#cursorHidden ? '\u001b[?25h' : '')
  }
}

/** Hands every key to the program on the other side. The returned function gives the terminal back; it is also given back when this process ends for whatever reason. */
export function enterRawMode(console: Console): () => void {
  if (!console.stdinIsTerminal) return () => undefined
  console.stdin.setRawMode(true)
  leaveOutputAlone()
  let raw = true
  const restore = () => {
    if (!raw) return
    raw = false
    console.stdin.setRawMode(false)
    process.off('exit', restore)
  }
  process.on('exit', restore)
  return restore
}

/**
 * Node's raw mode leaves one thing on: a line feed that is written becomes CR LF (libuv sets ONLCR). A full-screen
 * program inside moves the cursor straight down by it. `stty` turns that off; where there is none, shells still work.
 * Going back from raw mode restores the terminal as a whole.
 */
function leaveOutputAlone(): void {
  if (process.platform !== 'win32') spawnSync('stty', ['-opost'], { stdio: [0, 'ignore', 'ignore'] })
}

/** Ctrl-]. */
const DETACH = 0x1d
const DETACH_COUNT = 3
const DETACH_WITHIN = 1_000

/**
 * Finds Ctrl-] pressed three times within a second, as `machinectl` has it: no program uses that, and no key has to be
 * held back to find out.
 */
export class DetachKey {
  #presses: number[] = []

  /** Returns whether the terminal is to be left. */
  press(data: Uint8Array, now: number): boolean {
    for (const byte of data) {
      if (byte !== DETACH) {
        this.#presses = []
        continue
      }
      this.#presses = [...this.#presses, now].filter((time) => now - time <= DETACH_WITHIN)
      if (this.#presses.length >= DETACH_COUNT) return true
    }
    return false
  }
}

const portableTerminals = /^(xterm|screen|tmux|vt\d|linux|rxvt)/

/** What programs inside need to know of the terminal outside. A terminal type that images seldom know becomes the nearest that they do. */
export function terminalEnvironment(
  env: Readonly<Record<string, string | undefined>>,
): Record<string, string> {
  const term = env.TERM && portableTerminals.test(env.TERM) ? env.TERM : 'xterm-256color'
  return {
    TERM: term,
    ...(env.COLORTERM ? { COLORTERM: env.COLORTERM } : {}),
    ...(env.NO_COLOR ? { NO_COLOR: env.NO_COLOR } : {}),
  }
}
