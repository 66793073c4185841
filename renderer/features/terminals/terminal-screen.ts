import type { Session, SessionEnd, Settings } from '#contract'
import { useAssistive } from '../../lib/assistive'
import { openStream, type Stream } from '../../lib/engine'
import { drawFloodsSeldom } from './frame-rate'
import { AckCounter, FloodGauge, pieces } from './pace'
import { paletteFor } from './palette'
import { accelerate, createEmulator, type Emulator } from './xterm'

/** Sizes settle this long before they are told, milliseconds: a window that is dragged changes at every frame. */
const SETTLE = 60
/** A lost stream is opened again after this long, milliseconds. */
const REOPEN = 500
/** Answers of the engine about sizes are stale for this long after one was asked for, milliseconds. */
const OWN_SIZE = 1_000

/** DECTCEM: what has ended takes no input, and says so. */
const HIDE_CURSOR = '\x1b[?25l'

export type ScreenState = 'loading' | 'live' | 'lost' | 'ended'

export interface ScreenHooks {
  readonly onState: (state: ScreenState, end: SessionEnd | undefined) => void
  readonly onLink: (address: string) => void
  readonly onClipboard: (text: string) => void
  /** Text that was selected just now; empty when nothing is. */
  readonly onSelection: (text: string) => void
  /** True: the key is dealt with and the program does not get it. */
  readonly onKey: (event: KeyboardEvent) => boolean
}

export type TerminalSettings = Settings['terminal']

/**
 * One session as this window shows it: the emulator, its element, and the stream to the engine. It lives outside of
 * the component tree, so that a tab can be left and come back to.
 */
export class TerminalScreen {
  readonly element = document.createElement('div')
  readonly #sessionId: string
  readonly #hooks: ScreenHooks
  #emulator: Emulator | undefined
  #acceleration: { dispose(): void } | undefined
  #stream: Stream<'terminal'> | undefined
  #observer: ResizeObserver | undefined
  readonly #flood = new FloodGauge()
  #settle: ReturnType<typeof setTimeout> | undefined
  #reopen: ReturnType<typeof setTimeout> | undefined
  /** The stream's screen is being written: what the emulator says meanwhile is no one's input. */
  #replaying = true
  #shown = false
  #disposed = false
  #sizedAt = 0
  #size = { columns: 80, rows: 24 }
  #state: ScreenState = 'loading'

  constructor(session: Session, settings: TerminalSettings, scheme: 'light' | 'dark', hooks: ScreenHooks) {
    this.#sessionId = session.id
    this.#hooks = hooks
    this.#size = { columns: session.columns, rows: session.rows }
    this.element.dataset.session = session.id
    this.element.style.height = '100%'
    this.#emulator = this.#make(settings, scheme)
  }

  get emulator(): Emulator | undefined {
    return this.#emulator
  }

  /** As the hooks were told last. */
  get state(): ScreenState {
    return this.#state
  }

  /** Puts it on the page; the stream opens when its size is known. */
  show(parent: HTMLElement): void {
    parent.append(this.element)
    this.#shown = true
    this.#begin()
  }

  /** Takes it off the page. The stream goes on. */
  hide(): void {
    this.#shown = false
    this.#observer?.disconnect()
    this.#observer = undefined
    this.#acceleration?.dispose()
    this.#acceleration = undefined
    this.element.remove()
  }

  focus(): void {
    this.#emulator?.terminal.focus()
  }

  /** Takes the keyboard unless the user is typing into a field: a tab's new name, for instance. */
  offerFocus(): void {
    if (!(document.activeElement instanceof HTMLInputElement)) this.#emulator?.terminal.focus()
  }

  /** Closes the stream, for as long as nobody looks; {@link connect} brings the screen back. */
  disconnect(): void {
    clearTimeout(this.#reopen)
    this.#stream?.close()
    this.#stream = undefined
  }

  connect(): void {
    if (this.#stream || !this.#emulator || this.#disposed) return
    this.#replaying = true
    const stream = openStream('terminal', { sessionId: this.#sessionId, ...this.#size })
    this.#stream = stream
    const acknowledge = new AckCounter((bytes) => stream.post({ type: 'ack', bytes }))
    stream.onClose(() => {
      if (this.#stream !== stream) return
      this.#stream = undefined
      this.#tell('lost')
      this.#reopen = setTimeout(() => this.connect(), REOPEN)
    })
    stream.onMessage((message) => {
      const terminal = this.#emulator?.terminal
      if (!terminal || this.#stream !== stream) return
      if (message.type === 'replay') {
        const { columns, data, rows, since } = message
        this.#replaying = true
        terminal.reset()
        terminal.resize(columns, rows)
        if (since) terminal.write(data, () => terminal.resize(since.columns, since.rows))
        terminal.write(since?.data ?? data, () => {
          this.#replaying = false
          this.#tell('live')
          this.#fit()
        })
      } else if (message.type === 'data') {
        this.#flood.came(message.data.length, performance.now())
        for (const piece of pieces(message.data))
          terminal.write(piece, () => acknowledge.consumed(piece.length))
      } else {
        const { end } = message
        // In its turn: what the program printed last is shown first.
        terminal.write(HIDE_CURSOR, () => {
          terminal.options.cursorBlink = false
          terminal.options.disableStdin = true
          this.#tell('ended', end)
        })
      }
    })
  }

  /** Text as if typed, in brackets where the program asked for them. */
  paste(text: string): void {
    this.#emulator?.terminal.paste(text)
  }

  apply(settings: TerminalSettings, scheme: 'light' | 'dark'): void {
    const terminal = this.#emulator?.terminal
    if (!terminal) return
    const ended = terminal.options.disableStdin === true
    terminal.options = { ...optionsOf(settings, scheme), ...(ended ? { cursorBlink: false } : {}) }
    this.#settleSize()
  }

  /** The session's size as the engine has it: another window may have changed it. */
  follow(columns: number, rows: number): void {
    const terminal = this.#emulator?.terminal
    if (!terminal || this.#replaying || performance.now() - this.#sizedAt < OWN_SIZE) return
    if (terminal.cols === columns && terminal.rows === rows) return
    this.#size = { columns, rows }
    terminal.resize(columns, rows)
  }

  /** Takes the session back to this window's size. */
  claimSize(): void {
    this.#fit()
  }

  dispose(): void {
    if (this.#disposed) return
    this.#disposed = true
    this.disconnect()
    clearTimeout(this.#settle)
    this.hide()
    this.#emulator?.terminal.dispose()
    this.#emulator = undefined
  }

  #make(settings: TerminalSettings, scheme: 'light' | 'dark'): Emulator {
    const emulator = createEmulator(optionsOf(settings, scheme), this.#hooks)
    const { terminal } = emulator
    terminal.onData((text) => this.#input(new TextEncoder().encode(text)))
    // Mouse reports of the oldest protocol are bytes and not text.
    terminal.onBinary((text) =>
      this.#input(Uint8Array.from(text, (character) => character.charCodeAt(0) & 0xff)),
    )
    terminal.onSelectionChange(() => this.#hooks.onSelection(terminal.getSelection()))
    terminal.attachCustomKeyEventHandler((event) => !this.#hooks.onKey(event))
    return emulator
  }

  #begin(): void {
    const emulator = this.#emulator
    if (!emulator || !this.#shown) return
    if (!emulator.terminal.element) {
      emulator.terminal.open(this.element)
      drawFloodsSeldom(emulator.terminal, (now) => this.#flood.isFlood(now))
    }
    this.#acceleration ??= accelerate(emulator.terminal)
    this.#observer ??= new ResizeObserver(() => this.#settleSize())
    this.#observer.observe(this.element)
    this.#measure()
    if (this.#stream) this.#fit()
    else this.connect()
  }

  #tell(state: ScreenState, end?: SessionEnd): void {
    this.#state = state
    this.#hooks.onState(state, end)
  }

  #input(data: Uint8Array<ArrayBuffer>): void {
    if (this.#replaying) return
    this.#flood.typed(performance.now())
    this.#stream?.post({ type: 'input', data })
  }

  #settleSize(): void {
    clearTimeout(this.#settle)
    this.#settle = setTimeout(() => this.#fit(), SETTLE)
  }

  /** The size that fits; false where there is none, on a hidden page for instance. */
  #measure(): boolean {
    const proposed = this.#emulator?.fit.proposeDimensions()
    if (!this.#shown || !proposed || !(proposed.cols >= 2) || !(proposed.rows >= 1)) return false
    this.#size = { columns: Math.min(proposed.cols, 2000), rows: Math.min(proposed.rows, 2000) }
    return true
  }

  #fit(): void {
    const terminal = this.#emulator?.terminal
    if (!terminal || this.#replaying || !this.#measure()) return
    const { columns, rows } = this.#size
    if (terminal.cols === columns && terminal.rows === rows) return
    this.#sizedAt = performance.now()
    terminal.resize(columns, rows)
    this.#stream?.post({ type: 'resize', columns, rows })
  }
}

function optionsOf(settings: TerminalSettings, scheme: 'light' | 'dark') {
  const own = getComputedStyle(document.documentElement).getPropertyValue('--berth-mono').trim()
  return {
    fontFamily:
      settings.fontFamily === '' ? own || 'monospace' : `${settings.fontFamily}, ${own || 'monospace'}`,
    fontSize: settings.fontSize,
    lineHeight: 1.2,
    letterSpacing: 0,
    fontWeightBold: '600' as const,
    cursorBlink: settings.cursorBlink,
    cursorInactiveStyle: 'outline' as const,
    scrollback: settings.scrollback,
    minimumContrastRatio: 3,
    drawBoldTextInBrightColors: false,
    rescaleOverlappingGlyphs: true,
    macOptionClickForcesSelection: true,
    rightClickSelectsWord: false,
    scrollOnUserInput: true,
    screenReaderMode: useAssistive.getState().on,
    smoothScrollDuration: 0,
    theme: paletteFor(scheme),
  }
}
