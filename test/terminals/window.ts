import { createHash } from 'node:crypto'
import { Terminal } from '@xterm/headless/lib-headless/xterm-headless.mjs'
import type { SessionEnd, StreamDown, StreamUp } from '#contract'
import type { Engine } from '../../main/engine'
import { endpointPair } from '../../main/engine/platform/endpoint-pair'
import { screenState } from '../../main/engine/terminals/screen-state'
import { UnicodeGraphemesAddon } from '../../main/engine/terminals/unicode/graphemes'
import { hardenTerminal } from '../../main/engine/terminals/xterm-hardening'

export interface TestWindowOptions {
  readonly columns?: number
  readonly rows?: number
  /** False: bytes are counted and hashed and not shown. */
  readonly shows?: boolean
  /** Waits before it acknowledges, milliseconds. */
  readonly delay?: number
}

/** A window on a session as the real one behaves: an emulator that acknowledges what it has parsed. */
export class TestWindow {
  readonly terminal: Terminal
  readonly hash = createHash('sha256')
  received = 0
  mostUnread = 0
  replays = 0
  end: SessionEnd | undefined
  closed = false
  #unread = 0
  #text = ''
  readonly #port
  readonly #waiting = new Set<() => void>()

  constructor(engine: Engine, sessionId: string, options: TestWindowOptions = {}) {
    const { columns = 80, rows = 24, shows = true, delay = 0 } = options
    this.terminal = new Terminal({ cols: columns, rows, scrollback: 5000, allowProposedApi: true })
    this.terminal.loadAddon(new UnicodeGraphemesAddon())
    hardenTerminal(this.terminal, (error) => {
      throw error
    })
    const [near, far] = endpointPair()
    this.#port = near
    near.onClose(() => {
      this.closed = true
      this.#wake()
    })
    near.onMessage((raw) => {
      const message = raw as StreamDown<'terminal'>
      if (message.type === 'replay') {
        this.replays += 1
        const { columns, data, rows, since } = message
        this.terminal.reset()
        this.terminal.resize(columns, rows)
        if (since) this.terminal.write(data, () => this.terminal.resize(since.columns, since.rows))
        this.terminal.write(since?.data ?? data, () => this.#wake())
      } else if (message.type === 'end') {
        this.terminal.write('', () => {
          this.end = message.end
          this.#wake()
        })
      } else {
        const { data } = message
        this.received += data.length
        this.hash.update(data)
        this.#unread += data.length
        this.mostUnread = Math.max(this.mostUnread, this.#unread)
        this.#text = (this.#text + Buffer.from(data).toString('latin1')).slice(-100_000)
        const read = () => {
          this.#unread -= data.length
          this.#post({ type: 'ack', bytes: data.length })
          this.#wake()
        }
        const parsed = () => (delay > 0 ? setTimeout(read, delay) : read())
        if (shows) this.terminal.write(data, parsed)
        else parsed()
      }
    })
    engine.open('terminal', { sessionId, columns, rows }, far)
  }

  /** The newest bytes received, as Latin-1. */
  get text(): string {
    return this.#text
  }

  get state() {
    return screenState(this.terminal)
  }

  /** The screen's lines as text, without what is blank at their ends. */
  get lines(): string[] {
    const { active } = this.terminal.buffer
    return Array.from(
      { length: active.length },
      (_, index) => active.getLine(index)?.translateToString(true) ?? '',
    )
  }

  type(text: string): void {
    this.#post({ type: 'input', data: new Uint8Array(Buffer.from(text)) })
  }

  resize(columns: number, rows: number): void {
    this.terminal.resize(columns, rows)
    this.#post({ type: 'resize', columns, rows })
  }

  close(): void {
    this.#port.close()
    this.terminal.dispose()
  }

  /** Resolves once the condition holds; looks whenever something came. */
  async until(what: string, condition: () => boolean, timeout = 60_000): Promise<void> {
    const deadline = Date.now() + timeout
    while (!condition()) {
      const left = deadline - Date.now()
      if (left <= 0)
        throw new Error(`${what} did not come about; the screen:\n${this.lines.join('\n').trimEnd()}`)
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, Math.min(left, 200))
        this.#waiting.add(() => {
          clearTimeout(timer)
          resolve()
        })
      })
    }
  }

  #post(message: StreamUp<'terminal'>): void {
    this.#port.post(message)
  }

  #wake(): void {
    const waiting = [...this.#waiting]
    this.#waiting.clear()
    for (const wake of waiting) wake()
  }
}
