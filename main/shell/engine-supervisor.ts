import type { EngineState, HostReport, HostRequest, Problem } from '#contract'

/** The engine's process, as far as its keeper is concerned. `P` is a message port. */
export interface EngineProcess<P> {
  send(message: HostRequest, port?: P): void
  /** Both are called by the process as things happen; `onExit` once, last. */
  onReport(listener: (report: HostReport) => void): void
  onExit(listener: (code: number | null) => void): void
  kill(): void
  /** The newest words it wrote to stderr. */
  lastWords(): string
}

export interface SupervisorOptions<P> {
  readonly start: () => EngineProcess<P>
  readonly onState: (state: EngineState) => void
  readonly onActivity: (activity: Activity) => void
  readonly onNotice: (title: string, body: string) => void
  readonly log: { warn(message: string, fields?: Readonly<Record<string, unknown>>): void }
}

/** What would end with the engine. */
export interface Activity {
  readonly sessions: number
  readonly forwards: number
  readonly transfers: number
}

/** Waits before the first, second … start after a crash, in milliseconds. After the last, the user decides. */
export const RESTART_DELAYS = [250, 500, 1_000, 2_000, 4_000] as const
/** A process that lived this long had recovered: its crash counts as the first again. */
const RECOVERED_AFTER = 60_000
const PING_EVERY = 5_000
/**
 * So many unanswered pings mean that the process hangs. Pings are counted and not time, so that a machine that slept
 * does not look like an engine that hung.
 */
const MISSED_PINGS = 6
/** How long the engine may take to end its sessions and forwards when the app quits. */
const SHUTDOWN_WITHIN = 5_000

/** Keeps one engine process running: starts it, notices when it dies or hangs, starts it again, ends it. */
export class EngineSupervisor<P> {
  readonly #options: SupervisorOptions<P>
  #process: EngineProcess<P> | undefined
  #state: EngineState = { state: 'starting' }
  #crashes = 0
  #startedAt = 0
  #retry: NodeJS.Timeout | undefined
  #heart: NodeJS.Timeout | undefined
  #pings = { sent: 0, answered: 0 }
  #ending = false

  constructor(options: SupervisorOptions<P>) {
    this.#options = options
  }

  get state(): EngineState {
    return this.#state
  }

  /** Starts the engine; does nothing while one runs or the app ends. */
  start(): void {
    if (this.#process || this.#ending) return
    clearTimeout(this.#retry)
    this.#setState({ state: 'starting' })
    this.#startedAt = Date.now()
    const child = this.#options.start()
    this.#process = child
    child.onReport((report) => this.#hear(report))
    child.onExit((code) => this.#exited(child, code))
    this.#pings = { sent: 0, answered: 0 }
    this.#heart = setInterval(() => this.#beat(child), PING_EVERY)
  }

  /** Starts it at once, with all attempts before it again. For the user. */
  restart(): void {
    this.#crashes = 0
    this.start()
  }

  /** Hands a ready engine its end of a channel to a window. */
  connect(port: P): void {
    this.#process?.send({ type: 'connect' }, port)
  }

  /** Resolves when the process is gone: by itself within `SHUTDOWN_WITHIN` milliseconds, or killed. */
  async stop(): Promise<void> {
    this.#ending = true
    clearTimeout(this.#retry)
    clearInterval(this.#heart)
    const child = this.#process
    if (!child) return
    await new Promise<void>((resolve) => {
      const timer = setTimeout(() => {
        this.#options.log.warn('The engine did not end in time and was killed', { within: SHUTDOWN_WITHIN })
        child.kill()
      }, SHUTDOWN_WITHIN)
      child.onExit(() => {
        clearTimeout(timer)
        resolve()
      })
      child.send({ type: 'shutdown' })
    })
  }

  #hear(report: HostReport): void {
    if (report.type === 'ready') this.#setState({ state: 'ready' })
    else if (report.type === 'pong') this.#pings.answered = report.id
    else if (report.type === 'notice') this.#options.onNotice(report.title, report.body)
    else this.#options.onActivity(report)
  }

  #beat(child: EngineProcess<P>): void {
    if (this.#pings.sent - this.#pings.answered >= MISSED_PINGS) {
      this.#options.log.warn('The engine answers no more and is killed', { unanswered: MISSED_PINGS })
      child.kill()
      return
    }
    this.#pings.sent += 1
    child.send({ type: 'ping', id: this.#pings.sent })
  }

  #exited(child: EngineProcess<P>, code: number | null): void {
    if (this.#process !== child) return
    clearInterval(this.#heart)
    this.#process = undefined
    this.#options.onActivity({ sessions: 0, forwards: 0, transfers: 0 })
    if (this.#ending) return
    if (Date.now() - this.#startedAt > RECOVERED_AFTER) this.#crashes = 0
    const delay = RESTART_DELAYS[this.#crashes]
    this.#crashes += 1
    this.#options.log.warn('The engine ended by itself', { code, crashes: this.#crashes, retry: delay })
    this.#setState({
      state: 'crashed',
      problem: crashProblem(code, delay !== undefined, child.lastWords()),
      ...(delay === undefined ? {} : { retryInMilliseconds: delay }),
    })
    if (delay !== undefined) this.#retry = setTimeout(() => this.start(), delay)
  }

  #setState(state: EngineState): void {
    this.#state = state
    this.#options.onState(state)
  }
}

function crashProblem(code: number | null, retrying: boolean, lastWords: string): Problem {
  return {
    code: 'engine-crashed',
    title: 'Berth’s engine stopped',
    cause:
      code === null
        ? 'Its process was ended from outside or could not start.'
        : `Its process ended with status ${code}. Workspaces are not affected; terminals and forwards ended with it.`,
    remedy: retrying
      ? 'It is being started again.'
      : 'It was started again several times and stopped each time. Try once more, and report the detail below if it stays.',
    ...(lastWords ? { detail: lastWords } : {}),
    ...(retrying ? {} : { actions: [{ kind: 'retry', label: 'Start the engine' }] }),
  }
}
