import type { Operation, Progress, Step } from '#contract'
import type { Console } from './console'
import { bytes, duration, printable, style, truncate } from './text'

/** Lines of a running step's output that are shown below it. */
const TAIL = 6
/** Lines of a failed step's output that stay on the screen. */
const FAILED_TAIL = 20
/** Redraws per second at most. */
const FRAME = 100
const spinner = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏']

/** Shows how an operation goes, on stderr. */
export interface Timeline {
  update(operation: Operation): void
  output(stepId: string, text: string): void
  /** Shows nothing until the returned function is called: something else is on the terminal. */
  hold(): () => void
  /** The operation is over; nothing is shown after this. */
  end(): void
}

const nothing = () => undefined
const silent: Timeline = { update: nothing, output: nothing, hold: () => nothing, end: nothing }

/** A picture that redraws itself on a capable terminal, else a line for everything that happens. */
export function createTimeline(console: Console, quiet: boolean): Timeline {
  if (quiet) return silent
  return console.stderrIsCapable ? new LiveTimeline(console) : new PlainTimeline(console)
}

/** Collects a step's output by line; a carriage return starts the line again, as a progress bar does. */
export class OutputLines {
  readonly #limit: number
  readonly #lines: string[] = []
  #partial = ''

  constructor(limit: number) {
    this.#limit = limit
  }

  /** Adds text and returns the lines that it completed. */
  add(text: string): string[] {
    const pieces = (this.#partial + text).split('\n')
    this.#partial = pieces.pop() ?? ''
    const complete = pieces.map(clean)
    this.#lines.push(...complete)
    this.#lines.splice(0, Math.max(0, this.#lines.length - this.#limit))
    return complete
  }

  /** What is left without a line feed. */
  flush(): string[] {
    const rest = clean(this.#partial)
    this.#partial = ''
    return rest ? [rest] : []
  }

  tail(count: number): string[] {
    const partial = clean(this.#partial)
    return [...this.#lines, ...(partial ? [partial] : [])].slice(-count)
  }
}

function clean(line: string): string {
  const parts = line.replace(/\r+$/, '').split('\r')
  return printable(parts[parts.length - 1] ?? '').replaceAll('\t', '    ')
}

export function progressText(progress: Progress): string {
  const { current, total, unit } = progress
  if (unit === 'percent') return `${Math.round(current)} %`
  const share = total ? ` (${Math.min(100, Math.floor((100 * current) / total))} %)` : ''
  if (unit === 'bytes') return total ? `${bytes(current)} of ${bytes(total)}${share}` : bytes(current)
  return total ? `${current} of ${total}` : String(current)
}

/** The picture of an operation, one string per line, each at most `columns` wide. */
export function timelineLines(
  operation: Operation,
  options: {
    readonly now: number
    readonly columns: number
    readonly color: boolean
    readonly tail: (step: Step) => readonly string[]
  },
): string[] {
  const colors = style(options.color)
  const lines: string[] = []
  for (const step of operation.steps) {
    if (step.state === 'pending' || step.state === 'skipped') continue
    const time = duration((step.endedAt ?? options.now) - (step.startedAt ?? options.now))
    const facts = [
      step.state === 'running' && step.progress ? progressText(step.progress) : '',
      step.detail ? printable(step.detail).replaceAll('\n', ' ') : '',
    ].filter(Boolean)
    const text = truncate(
      [printable(step.title), ...facts].join(' · '),
      Math.max(10, options.columns - time.length - 5),
    )
    const mark = {
      running: colors.cyan(spinner[Math.floor(options.now / FRAME) % spinner.length] ?? ''),
      done: colors.green('✓'),
      failed: colors.red('✗'),
      cancelled: colors.yellow('–'),
    }[step.state]
    lines.push(`${mark} ${text} ${colors.dim(time)}`)
    for (const line of options.tail(step))
      lines.push(colors.dim(`  │ ${truncate(line, Math.max(10, options.columns - 5))}`))
  }
  if (operation.cancelling && operation.state === 'running')
    lines.push(colors.yellow(truncate('Cancelling, and taking back what was made…', options.columns - 1)))
  return lines
}

class LiveTimeline implements Timeline {
  readonly #console: Console
  readonly #outputs = new Map<string, OutputLines>()
  readonly #timer: NodeJS.Timeout
  #operation: Operation | undefined
  #drawn = 0
  #dirty = false
  #held = false

  constructor(console: Console) {
    this.#console = console
    this.#timer = setInterval(() => this.#draw(), FRAME)
  }

  update(operation: Operation): void {
    this.#operation = operation
    this.#dirty = true
  }

  output(stepId: string, text: string): void {
    let lines = this.#outputs.get(stepId)
    if (!lines) {
      lines = new OutputLines(FAILED_TAIL)
      this.#outputs.set(stepId, lines)
    }
    lines.add(text)
    this.#dirty = true
  }

  hold(): () => void {
    this.#held = true
    // What is drawn stays; the picture begins anew below whatever comes now.
    this.#drawn = 0
    return () => {
      this.#held = false
      this.#dirty = true
    }
  }

  end(): void {
    this.#held = false
    clearInterval(this.#timer)
    this.#dirty = true
    this.#draw()
  }

  #draw(): void {
    const operation = this.#operation
    // The spinner turns while the operation runs; after that only news is drawn.
    if (this.#held || !operation || !(this.#dirty || operation.state === 'running')) return
    this.#dirty = false
    const { columns, rows } = this.#console.size()
    const ended = operation.state !== 'running'
    const lines = timelineLines(operation, {
      now: Date.now(),
      columns,
      color: true,
      tail: (step) => {
        if (step.state === 'failed') return this.#outputs.get(step.id)?.tail(FAILED_TAIL) ?? []
        return step.state === 'running' ? (this.#outputs.get(step.id)?.tail(TAIL) ?? []) : []
      },
    })
    // What has scrolled off cannot be drawn again, so the picture is kept within the screen until the end.
    const shown = ended ? lines : lines.slice(-(rows - 1))
    const up = this.#drawn > 0 ? `\u001b[${this.#drawn}A` : ''
    this.#console.stderr.write(`${up}\r\u001b[J${shown.map((line) => `${line}\n`).join('')}`)
    this.#drawn = shown.length
  }
}

class PlainTimeline implements Timeline {
  readonly #console: Console
  readonly #seen = new Map<string, string>()
  readonly #outputs = new Map<string, OutputLines>()
  #cancelling = false

  constructor(console: Console) {
    this.#console = console
  }

  update(operation: Operation): void {
    if (operation.cancelling && !this.#cancelling) this.#line('Cancelling, and taking back what was made')
    this.#cancelling = operation.cancelling
    for (const step of operation.steps) {
      const news = step.state === 'running' ? `running ${step.detail ?? ''}` : step.state
      if (this.#seen.get(step.id) === news) continue
      this.#seen.set(step.id, news)
      if (step.state !== 'running')
        for (const line of this.#outputs.get(step.id)?.flush() ?? []) this.#line(`  | ${line}`)
      const text = plainStep(step)
      if (text) this.#line(text)
    }
  }

  output(stepId: string, text: string): void {
    let lines = this.#outputs.get(stepId)
    if (!lines) {
      lines = new OutputLines(1)
      this.#outputs.set(stepId, lines)
    }
    for (const line of lines.add(text)) this.#line(`  | ${line}`)
  }

  /** Lines come below each other as they are. */
  hold(): () => void {
    return nothing
  }

  end(): void {
    for (const lines of this.#outputs.values()) for (const line of lines.flush()) this.#line(`  | ${line}`)
  }

  #line(text: string): void {
    this.#console.stderr.write(`${text}\n`)
  }
}

/** The line for a step's new state in a log; null for none. */
function plainStep(step: Step): string | null {
  const title = printable(step.title)
  const detail = step.detail ? `: ${printable(step.detail).replaceAll('\n', ' ')}` : ''
  const time =
    step.endedAt !== undefined && step.startedAt !== undefined
      ? ` (${duration(step.endedAt - step.startedAt)})`
      : ''
  switch (step.state) {
    case 'running':
      return `${title}${detail}`
    case 'done':
      return `${title}: done${time}`
    case 'failed':
      return `${title}: failed${time}`
    case 'cancelled':
      return `${title}: cancelled${time}`
    default:
      return null
  }
}
