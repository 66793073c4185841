import { ACK_EVERY, HIGH_WATER, type SessionEnd, type StreamDown, type StreamUp, streams } from '#contract'
import { DisposableStack } from '../platform/disposable'
import type { Logger } from '../platform/logger'
import type { MessageEndpoint } from '../platform/message-port'
import { isColorAnswer } from './answers'
import type { PipeSink } from './output-pipe'
import type { Screen } from './recent-screen'

/**
 * A window that is owed output and acknowledges none for this long, in milliseconds, is let go: it may be suspended,
 * and the program must not wait for it. It attaches again when it wakes.
 */
export const STALL_LIMIT = 30_000

export interface AttachmentOwner {
  onInput(attachment: Attachment, data: Uint8Array): void
  /** A program's question about colours, answered by the window's terminal. */
  onColorAnswer(attachment: Attachment, data: Uint8Array): void
  onResize(attachment: Attachment, columns: number, rows: number): void
  onRoom(): void
  onGone(attachment: Attachment): void
}

/** One window on a session: its port, and how many bytes it still has to read. */
export class Attachment implements PipeSink {
  readonly #port: MessageEndpoint
  readonly #owner: AttachmentOwner
  readonly #logger: Logger
  readonly #stack = new DisposableStack()
  #live = false
  #told = false
  #unread = 0
  #stall: NodeJS.Timeout | undefined

  constructor(port: MessageEndpoint, owner: AttachmentOwner, logger: Logger) {
    this.#port = port
    this.#owner = owner
    this.#logger = logger
    this.#stack.add(() => clearTimeout(this.#stall))
    this.#stack.add(port.onMessage((message) => this.#receive(message)))
    this.#stack.add(port.onClose(() => this.#gone()))
  }

  /** Bytes sent and not acknowledged. */
  get unread(): number {
    return this.#unread
  }

  room(): number {
    return this.#live ? Math.max(HIGH_WATER - this.#unread, 0) : 0
  }

  send(chunk: Uint8Array<ArrayBuffer>): void {
    if (this.#stack.disposed) return
    this.#unread += chunk.length
    this.#watchForStall()
    this.#post({ type: 'data', data: chunk })
  }

  /** Sends the screen, and what was shown after it; from here on it takes output. */
  begin(screen: Screen, since?: Screen): void {
    if (this.#stack.disposed) return
    this.#post({ type: 'replay', ...screen, ...(since && { since }) })
    this.#live = true
  }

  /** Says once how the session ended. */
  end(end: SessionEnd): void {
    if (this.#stack.disposed || this.#told) return
    this.#told = true
    this.#post({ type: 'end', end })
  }

  /** Closes the port. The owner is not told. */
  close(): void {
    if (this.#stack.disposed) return
    void this.#stack.dispose()
    this.#port.close()
  }

  #post(message: StreamDown<'terminal'>): void {
    this.#port.post(message)
  }

  #receive(raw: unknown): void {
    const parsed = streams.terminal.up.safeParse(raw)
    if (!parsed.success) {
      this.#logger.warn('A malformed terminal message was dropped', { issues: parsed.error.issues.length })
      return
    }
    const message: StreamUp<'terminal'> = parsed.data
    if (message.type === 'ack') this.#acknowledge(message.bytes)
    else if (message.type === 'resize') this.#owner.onResize(this, message.columns, message.rows)
    else if (isColorAnswer(message.data)) this.#owner.onColorAnswer(this, message.data)
    else this.#owner.onInput(this, message.data)
  }

  #acknowledge(bytes: number): void {
    this.#unread = Math.max(this.#unread - bytes, 0)
    clearTimeout(this.#stall)
    this.#stall = undefined
    this.#watchForStall()
    this.#owner.onRoom()
  }

  #watchForStall(): void {
    // With less than this unread a window need not have said anything.
    if (this.#unread < ACK_EVERY) return
    this.#stall ??= setTimeout(() => {
      this.#logger.warn('A window read no terminal output and was let go', { unread: this.#unread })
      this.close()
      this.#owner.onGone(this)
    }, STALL_LIMIT)
  }

  #gone(): void {
    if (this.#stack.disposed) return
    void this.#stack.dispose()
    this.#owner.onGone(this)
  }
}
