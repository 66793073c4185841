import { MessageChannelMain, type MessagePortMain, utilityProcess, type WebContents } from 'electron'
import type { EngineState, HostReport } from '#contract'
import { ENGINE_PORT_MESSAGE, ENGINE_STATE_CHANNEL } from '#contract/channels'
import { type Activity, type EngineProcess, EngineSupervisor } from './engine-supervisor'
import type { Log } from './log'

export interface EngineHostOptions {
  /** Path of the engine's entry. The shell knows no more of the engine than this. */
  readonly entry: string
  /** Passed on to the engine. */
  readonly version: string
  /** Folder of the files shipped with Berth. Passed on to the engine. */
  readonly resources: string
  readonly log: Log
  readonly windows: () => readonly WebContents[]
  readonly onActivity: (activity: Activity) => void
  readonly onNotice: (title: string, body: string) => void
}

/** How many characters of the engine's stderr a Problem shows. */
const LAST_WORDS = 4_000

/** The engine's utility process, and the channels between it and the windows. */
export class EngineHost {
  readonly #options: EngineHostOptions
  readonly #supervisor: EngineSupervisor<MessagePortMain>
  /** Windows that asked while the engine was not ready. */
  #waiting = new Set<WebContents>()

  constructor(options: EngineHostOptions) {
    this.#options = options
    this.#supervisor = new EngineSupervisor({
      start: () => this.#fork(),
      onState: (state) => this.#tell(state),
      onActivity: options.onActivity,
      onNotice: options.onNotice,
      log: options.log,
    })
  }

  start(): void {
    this.#supervisor.start()
  }

  restart(): void {
    this.#supervisor.restart()
  }

  stop(): Promise<void> {
    return this.#supervisor.stop()
  }

  /** Tells a window how the engine is, and gives it a channel of its own as soon as the engine is ready. */
  connect(contents: WebContents): void {
    contents.send(ENGINE_STATE_CHANNEL, this.#supervisor.state)
    if (this.#supervisor.state.state === 'ready') this.#handOver(contents)
    else this.#waiting.add(contents)
  }

  #handOver(contents: WebContents): void {
    const { port1, port2 } = new MessageChannelMain()
    this.#supervisor.connect(port1)
    contents.postMessage(ENGINE_PORT_MESSAGE, null, [port2])
  }

  #tell(state: EngineState): void {
    const windows = this.#options.windows().filter((contents) => !contents.isDestroyed())
    for (const contents of windows) contents.send(ENGINE_STATE_CHANNEL, state)
    if (state.state !== 'ready') return
    const waiting = this.#waiting
    this.#waiting = new Set()
    for (const contents of windows) if (waiting.has(contents)) this.#handOver(contents)
  }

  #fork(): EngineProcess<MessagePortMain> {
    const child = utilityProcess.fork(this.#options.entry, [this.#options.version, this.#options.resources], {
      serviceName: 'Berth engine',
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    let lastWords = ''
    const write = (chunk: Buffer) => {
      const text = chunk.toString('utf8')
      lastWords = (lastWords + text).slice(-LAST_WORDS)
      this.#options.log.raw(text)
    }
    child.stdout?.on('data', write)
    child.stderr?.on('data', write)
    return {
      send: (message, port) => child.postMessage(message, port ? [port] : []),
      onReport: (listener) => void child.on('message', (report: HostReport) => listener(report)),
      onExit: (listener) => void child.once('exit', (code) => listener(code)),
      // Not child.kill(): a process that hangs or was stopped does not heed SIGTERM.
      kill: () => {
        if (child.pid !== undefined) process.kill(child.pid, 'SIGKILL')
      },
      lastWords: () => lastWords,
    }
  }
}
