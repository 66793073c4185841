import type { Terminal } from '@xterm/xterm'

/** Milliseconds between two drawings of a flood: nobody reads it, and drawing takes the time that parsing needs. */
const FLOOD_FRAME = 100

interface Debouncer {
  _animationFrame: number | undefined
  _innerRefresh(): void
}

type Cell = readonly [column: number, row: number]

interface RenderService {
  readonly _renderDebouncer?: Debouncer
  handleSelectionChanged?(start: Cell | undefined, end: Cell | undefined, columnMode: boolean): void
}

interface Viewport {
  _sync?(line?: number): void
}

interface InputHandler {
  parse?(data: string | Uint8Array, result?: boolean): Promise<boolean> | undefined
}

interface Internals {
  readonly _core: {
    readonly _renderService?: RenderService
    readonly _viewport?: Viewport
    readonly _inputHandler?: InputHandler
  }
}

/**
 * Makes an opened terminal of xterm.js 6.0.0 draw less often while `isFlood` says so, and at the next frame when it
 * does not any more. What is drawn is always the newest. Does nothing where a later version has no such parts.
 */
export function drawFloodsSeldom(terminal: Terminal, isFlood: (now: number) => boolean): void {
  const { _inputHandler, _renderService: service, _viewport } = (terminal as unknown as Internals)._core
  if (_inputHandler && _viewport) moveScrollBarOncePerWrite(_inputHandler, _viewport)
  if (!service) return
  drawSelectionsThatAre(service)
  const debouncer = service._renderDebouncer
  if (typeof debouncer?._innerRefresh !== 'function') return
  const draw = debouncer._innerRefresh.bind(debouncer)
  let drawn = Number.NEGATIVE_INFINITY
  debouncer._innerRefresh = () => {
    const now = performance.now()
    if (now - drawn < FLOOD_FRAME && isFlood(now)) {
      debouncer._animationFrame = requestAnimationFrame(() => debouncer._innerRefresh())
      return
    }
    drawn = now
    draw()
  }
}

/** With every line that leaves a full scrollback xterm.js draws the selection anew, and all rows with it: also where there is none. */
function drawSelectionsThatAre(service: RenderService): void {
  if (typeof service.handleSelectionChanged !== 'function') return
  const change = service.handleSelectionChanged.bind(service)
  let drawn = false
  service.handleSelectionChanged = (start, end, columnMode) => {
    const present = start !== undefined && end !== undefined
    if (!present && !drawn) return
    drawn = present
    change(start, end, columnMode)
  }
}

/** xterm.js moves its scroll bar with every line, which is a third of what a line costs: with what is written at once is enough. */
function moveScrollBarOncePerWrite(handler: InputHandler, viewport: Viewport): void {
  if (typeof handler.parse !== 'function' || typeof viewport._sync !== 'function') return
  const parse = handler.parse.bind(handler)
  const move = viewport._sync.bind(viewport)
  let isParsing = false
  let hasMoved = false
  viewport._sync = (line) => {
    if (isParsing && line === undefined) hasMoved = true
    else move(line)
  }
  handler.parse = (data, result) => {
    isParsing = true
    try {
      return parse(data, result)
    } finally {
      isParsing = false
      if (hasMoved) move()
      hasMoved = false
    }
  }
}
