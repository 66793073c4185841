import { basename } from 'node:path/posix'
import { type Session, type SessionEnd, type StreamOpen, toProblem, type Workspace } from '#contract'
import type { ExecExit, ExecProcess, KeptTerminal, Link } from '../link/link'
import type { Collection, ReadonlyCollection } from '../platform/collection'
import type { MessageEndpoint } from '../platform/message-port'
import type { Platform } from '../platform/platform'
import { guessColor } from './answers'
import { Attachment, type AttachmentOwner } from './attachment'
import { CHECKPOINT_WORTH, CheckpointPace } from './checkpoint-pace'
import { endByClosing, endOfProcess, endOfStart, endOfWorkspace, mayBeWorkspace } from './ends'
import { JobActivity } from './job-activity'
import { ScreenMirror } from './mirror'
import { openProcess } from './opening'
import { OutputPipe } from './output-pipe'
import { OutputPosition } from './output-position'
import { RecentScreen } from './recent-screen'
import { SizeControl } from './size-control'
import { type TaskStart, typeTask } from './task'
import { TypedInput } from './typed-input'
import { within } from './within'
import { EXPLANATION, WorkspaceRun } from './workspace-run'

/** How long a closed session's process has to obey SIGHUP, and then to be gone, milliseconds. */
const HANGUP_GRACE = 500
const CLOSE_LIMIT = 2_000
/**
 * How long whoever wants to close a session waits to hear what would end with it, milliseconds. Without an answer it is
 * closed unasked: a machine that is busy has to be able to give one.
 */
const FOREGROUND_LIMIT = 3_000
/**
 * A process that has printed something takes a size for certain; one that prints nothing is believed to after this
 * long, milliseconds. Some engines forget a size that comes before.
 */
const SIZE_READY = 1_000
/** At most one call of `stir` in this many milliseconds. */
const STIR_EVERY = 100
/** Between two attempts to attach where no agent is there, milliseconds. */
const RECONNECT_PAUSE = 1_000
/** A terminal's full reset (RIS): what follows finds it as when it was new. */
const RESET = Buffer.from('\x1bc')
/** At most one new title in this many milliseconds: some programs animate theirs. */
const TITLE_EVERY = 250

export interface SessionOptions {
  readonly platform: Platform
  readonly sessions: Collection<Session>
  readonly workspaces: ReadonlyCollection<Workspace>
  readonly link: Link
  readonly record: Session
  readonly command: readonly string[] | undefined
  readonly cwd: string | undefined
  /** Present: it runs already, and was called this, if anything. */
  readonly kept?: { readonly name: string }
  /** Present: its shell begins with this, and it keeps its title. */
  readonly task?: TaskStart
}

/** One terminal: its process, its screen, and the windows on it. */
export class TerminalSession implements AttachmentOwner {
  readonly id: string
  readonly workspaceId: string
  readonly #options: SessionOptions
  readonly #programName: string
  readonly #mirror: ScreenMirror
  readonly #pipe: OutputPipe
  readonly #size: SizeControl
  readonly #jobs: JobActivity
  /** In the order of attaching; the first is the leader until another is typed into. */
  readonly #attachments = new Set<Attachment>()
  readonly #starting = new AbortController()
  readonly #ended: Promise<void>
  #markEnded: () => void = () => undefined
  #leader: Attachment | undefined
  #process: ExecProcess | undefined
  /** Whether it goes on in the workspace without this engine. */
  #isKept = false
  readonly #position: OutputPosition
  /** What whoever comes next can begin with. */
  readonly #recent: RecentScreen
  readonly #checkpoints = new CheckpointPace(() => void this.#checkpoint())
  readonly #input: TypedInput
  #end: SessionEnd | undefined
  #closing = false
  #renamed = false
  #lastStir = 0
  #titleTimer: NodeJS.Timeout | undefined
  #sizeTimer: NodeJS.Timeout | undefined
  readonly #run: WorkspaceRun

  constructor(options: SessionOptions) {
    const { record, platform } = options
    this.#options = options
    this.id = record.id
    this.workspaceId = record.workspaceId
    this.#programName = record.command === null ? 'The shell' : basename(record.command[0] ?? '')
    this.#renamed = options.task !== undefined || (options.kept !== undefined && options.kept.name !== '')
    this.#run = new WorkspaceRun(options.workspaces, record.workspaceId)
    this.#ended = new Promise((resolve) => {
      this.#markEnded = resolve
    })
    this.#input = new TypedInput(() => options.sessions.patch(this.id, { isInputDropped: true }))
    this.#mirror = new ScreenMirror({
      columns: record.columns,
      rows: record.rows,
      scrollback: platform.settings.get().terminal.scrollback,
      onAnswer: (answer) => {
        if (!this.#position.isReplaying) this.#type(Buffer.from(answer, 'utf8'))
      },
      onColorQuery: (color) => {
        if (!this.#position.isReplaying) this.#answerColor(color)
      },
      onTitle: () => this.#titleChanged(),
      onFault: (error) =>
        platform.logger.error('The screen mirror met output that it could not show', {
          cause: String(error),
        }),
      onProgress: () => this.#pipe.roomMade(),
    })
    this.#recent = new RecentScreen(this.#mirror)
    const position = new OutputPosition(this.#mirror)
    this.#position = position
    this.#pipe = new OutputPipe(
      {
        pause: () => void this.#process?.stdout.pause(),
        resume: () => void this.#process?.stdout.resume(),
      },
      {
        get pending() {
          return position.pending
        },
        write: (chunk) => {
          this.#recent.add(chunk)
          position.write(chunk)
        },
      },
    )
    this.#jobs = new JobActivity(options.link.activity, platform.clock, () => this.#ownTitle())
    this.#size = new SizeControl({
      columns: record.columns,
      rows: record.rows,
      apply: (columns, rows) => this.#applySize(columns, rows),
    })
  }

  /**
   * Starts the process, or attaches to it; false where it was to be there and is not any more. Never rejects: any other
   * failure is how the session ends.
   */
  async start(): Promise<boolean> {
    try {
      const process = await openProcess(this.#options, this.#input.writer, this.#starting.signal)
      if (this.#end) process?.destroy()
      else if (process) this.#attend(process)
      else void this.#reconnect()
      const { record, task } = this.#options
      if (!process || !task || this.#end) return true
      this.rename(record.title)
      await typeTask(task, process, (input) => this.#type(input))
    } catch (error) {
      if (this.#end) return true
      const problem = toProblem(error, 'The terminal could not be started')
      if (this.#options.kept && problem.code === 'not-found') return false
      const now = this.#run.workspace
      if (problem.code === 'workspace-not-running' || problem.code === 'workspace-gone')
        this.#finish({ ...endOfWorkspace(now), problem })
      else this.#finish(this.#closing ? endByClosing() : endOfStart(problem))
    }
    return true
  }

  attach(input: StreamOpen<'terminal'>, port: MessageEndpoint): void {
    const attachment = new Attachment(port, this, this.#options.platform.logger)
    this.#attachments.add(attachment)
    this.#leader ??= attachment
    // Until it has its screen it takes nothing, so the pipe stands still and no byte falls between the two.
    this.#pipe.add(attachment)
    // In the size that it had until now: the window changes that itself.
    const { screens } = this.#recent
    if (!this.#end) this.#size.request(input.columns, input.rows, true)
    const begun = () => {
      this.#pipe.roomMade()
      if (this.#end) attachment.end(this.#end)
    }
    if (screens) {
      attachment.begin(...screens)
      begun()
      return
    }
    this.#recent.take((screen) => {
      attachment.begin(screen)
      begun()
    })
  }

  rename(title: string): void {
    this.#renamed = title !== ''
    if (this.#isKept) void this.#options.link.terminals.ask({ rename: { id: this.id, name: title } })
    this.#options.sessions.patch(this.id, { title: title === '' ? this.#ownTitle() : title })
  }

  /** What would end with it: see the contract's `sessions.foreground`. */
  async foreground(): Promise<{ name: string; command: string } | undefined> {
    const { link, record } = this.#options
    if (!this.#process || this.#end) return undefined
    if (record.command) return { name: this.#programName, command: record.command.join(' ') }
    let found: { name: string; command: string } | undefined
    const answered = link.foreground(this.id).then((process) => {
      found = process
    })
    await within(answered, FOREGROUND_LIMIT)
    return found && { name: found.name, command: found.command || found.name }
  }

  /** Whether it, or the run of the workspace that it was begun in, is over. */
  get isOver(): boolean {
    return this.#end !== undefined || this.#run.isOver
  }

  setScrollback(lines: number): void {
    this.#recent.forget()
    this.#mirror.setScrollback(lines)
  }

  /** Lets all windows go; what runs goes on where it can, and ends where it cannot. */
  async leave(): Promise<void> {
    if (!this.#isKept || this.#end) return this.close()
    this.#closing = true
    this.#starting.abort()
    if (this.#position.sinceCheckpoint >= CHECKPOINT_WORTH) await within(this.#checkpoint(), CLOSE_LIMIT)
    this.#process?.destroy()
    this.#letGo()
  }

  /** Ends what still runs and lets all windows go. */
  async close(): Promise<void> {
    this.#closing = true
    this.#starting.abort()
    const process = this.#process
    const { id } = this
    if (this.#isKept) {
      const request = this.#end ? { forget: { id } } : { end: { id } }
      await within(this.#options.link.terminals.ask(request), CLOSE_LIMIT)
    }
    if (!this.#isKept && process && !this.#end) {
      // An engine that does not answer must not keep the terminal open; destroying follows in any case.
      process.kill('SIGHUP').catch((error: unknown) => {
        this.#options.platform.logger.debug('A terminal could not be hung up', { cause: String(error) })
      })
      await within(this.#ended, HANGUP_GRACE)
      if (!this.#end) {
        process.destroy()
        await within(this.#ended, CLOSE_LIMIT)
      }
    }
    process?.destroy()
    this.#letGo()
  }

  #letGo(): void {
    this.#finish(endByClosing())
    for (const attachment of this.#attachments) {
      attachment.end(this.#end ?? endByClosing())
      attachment.close()
    }
    this.#attachments.clear()
    this.#checkpoints.stop()
    this.#pipe.stop()
    this.#mirror.dispose()
  }

  /** The workspace's record changed or went. */
  workspaceChanged(): void {
    const process = this.#process
    if (this.#end || !process || !this.#run.isOver) return
    void within(this.#ended, EXPLANATION).then(() => {
      if (this.#end || !this.#run.isOver) return
      process.destroy()
      this.#pipe.end(() => this.#finish(endOfWorkspace(this.#run.workspace)))
    })
  }

  onInput(attachment: Attachment, data: Uint8Array): void {
    this.#leader = attachment
    this.#pipe.hurry()
    this.#stir()
    // In what the workspace keeps it sees by itself.
    if (!this.#isKept) this.#jobs.typed()
    this.#type(data)
  }

  onColorAnswer(attachment: Attachment, data: Uint8Array): void {
    if (attachment === this.#leader) this.#type(data)
  }

  onResize(attachment: Attachment, columns: number, rows: number): void {
    if (this.#end) return
    this.#leader ??= attachment
    this.#size.request(columns, rows, false)
  }

  onRoom(): void {
    this.#pipe.roomMade()
  }

  onGone(attachment: Attachment): void {
    this.#attachments.delete(attachment)
    if (this.#leader === attachment) this.#leader = this.#attachments.values().next().value
    this.#pipe.remove(attachment)
  }

  /** What it shows, and some of what went before. */
  latestText = () => this.#mirror.latestText()

  #attend(process: ExecProcess | KeptTerminal): void {
    const isFirst = this.#process === undefined
    this.#process = process
    this.#isKept = 'beginning' in process
    if ('beginning' in process) {
      this.#begin(process, isFirst)
      // Somebody else may have given it another one meanwhile.
      if (!isFirst) this.#size.heard(process.beginning.columns, process.beginning.rows)
      process.onSize((columns, rows) => this.#size.heard(columns, rows))
      process.onTyped((typed) => this.#input.arrived(typed))
    }
    process.stdout.on('data', (chunk: Uint8Array) => {
      this.#stir()
      if (!this.#isKept) this.#jobs.printed(chunk)
      this.#position.pushed(chunk.length)
      this.#pipe.push(chunk)
      if (this.#isKept) this.#checkpoints.printed(this.#position.sinceCheckpoint, this.#mirror.idling)
    })
    process.stdout.on('error', (error: Error) =>
      this.#options.platform.logger.debug('Terminal output broke off', { cause: error.message }),
    )
    process.stdin.on('error', (error: Error) =>
      this.#options.platform.logger.debug('Terminal input broke off', { cause: error.message }),
    )
    this.#options.sessions.patch(this.id, { state: 'running', isInputDropped: false })
    this.#input.attach(process.stdin, 'beginning' in process ? process.beginning.typed : undefined)
    const sizeReady = () => {
      clearTimeout(this.#sizeTimer)
      if (!this.#end) this.#size.started((columns, rows) => process.resize(columns, rows))
    }
    // Of what is kept the workspace itself keeps the size, and takes it at any time.
    if (this.#isKept) sizeReady()
    else {
      this.#sizeTimer = setTimeout(sizeReady, SIZE_READY)
      process.stdout.once('data', sizeReady)
    }
    void process.exit.then((exit) => this.#exited(exit))
  }

  /** Where its output begins: where it was left, or with the screen as it was some time ago. */
  #begin({ beginning }: KeptTerminal, isFirst: boolean): void {
    if (this.#position.continues(beginning)) return
    const { columns, rows, snapshot } = beginning
    if (!isFirst || snapshot) {
      this.#mirror.resize(snapshot?.columns ?? columns, snapshot?.rows ?? rows)
      this.#mirror.write(Buffer.concat([RESET, ...(snapshot ? [snapshot.data] : [])]))
      this.#mirror.resize(columns, rows)
      const left = isFirst && snapshot && { ...snapshot, data: new Uint8Array(snapshot.data) }
      if (left) this.#recent.found(left, { columns, rows })
      else this.#recent.forget()
      const attachments = [...this.#attachments]
      const screens = this.#recent.screens
      if (screens) for (const attachment of attachments) attachment.begin(...screens)
      else if (attachments.length > 0)
        this.#recent.take((screen) => {
          for (const attachment of attachments) attachment.begin(screen)
        })
    }
    this.#position.begin(beginning, this.#options.kept !== undefined || !isFirst)
  }

  async #exited(exit: ExecExit): Promise<void> {
    if (this.#end) return
    const isCut = this.#isKept && exit.problem?.code === 'connection-lost'
    if (isCut && !this.#closing && !this.#run.isEnding) return this.#reconnect()
    let end = endOfProcess(this.#programName, exit)
    if (this.#closing) end = endByClosing()
    else if (this.#run.isEnding) end = endOfWorkspace(this.#run.workspace, exit)
    else if (mayBeWorkspace(exit) && (await this.#run.ends(this.#ended)))
      end = endOfWorkspace(this.#run.workspace, exit)
    // What the process said last comes before the word that it ended.
    this.#pipe.end(() => this.#finish(end))
  }

  /** The way to it is gone, and it is not: attaches again as soon as there is one. */
  async #reconnect(): Promise<void> {
    const { link, platform, sessions } = this.#options
    const { signal } = this.#starting
    sessions.patch(this.id, { state: 'reconnecting' })
    this.#input.detach()
    // What came before comes first.
    await new Promise<void>((resolve) => this.#pipe.end(resolve))
    try {
      while (!this.#end && !this.#closing) {
        if (this.#run.isEnding) return this.#finish(endOfWorkspace(this.#run.workspace))
        const from = this.#position.now
        const { writer } = this.#input
        const terminal = await link.terminals.open(this.id, { writer, ...(from && { from }) }, signal)
        if (!terminal) await platform.clock.sleep(RECONNECT_PAUSE, signal)
        else if (this.#end || this.#closing) terminal.destroy()
        else return this.#attend(terminal)
      }
    } catch (error) {
      if (this.#end || this.#closing) return
      if (this.#run.isEnding) return this.#finish(endOfWorkspace(this.#run.workspace))
      const cause = toProblem(error, 'The terminal was lost')
      this.#finish({ reason: 'connection-lost', message: `${cause.title}.`, problem: cause })
    }
  }

  /** Leaves the screen with the workspace: whoever attaches to it next has it from there. */
  #checkpoint(): Promise<void> {
    this.#checkpoints.stop()
    this.#position.checkpointed()
    // What it is given from now on is not on the screen that is taken.
    const at = this.#position.shown
    if (!at) return Promise.resolve()
    const { terminals } = this.#options.link
    return new Promise((resolve) => {
      this.#recent.take(({ columns, data, rows }) => {
        const left = {
          ...at,
          columns,
          rows,
          data: Buffer.from(data.buffer, data.byteOffset, data.byteLength),
        }
        void terminals.checkpoint(this.id, left).then(resolve, resolve)
      })
    })
  }

  #finish(end: SessionEnd): void {
    if (this.#end) return
    this.#end = end
    clearTimeout(this.#titleTimer)
    clearTimeout(this.#sizeTimer)
    this.#size.stop()
    this.#input.end()
    this.#options.sessions.patch(this.id, { state: 'ended', end, title: this.#titleNow() })
    this.#mirror.whenParsed(() => {
      for (const attachment of this.#attachments) attachment.end(end)
    })
    this.#markEnded()
  }

  #type(data: Uint8Array): void {
    if (!this.#end) this.#input.type(data)
  }

  #answerColor(color: string): void {
    if (this.#attachments.size > 0) return
    const answer = guessColor(
      color,
      this.#options.platform.settings.get().theme === 'light' ? 'light' : 'dark',
    )
    if (answer !== undefined) this.#type(Buffer.from(answer, 'latin1'))
  }

  #applySize(columns: number, rows: number): void {
    this.#jobs.resized()
    this.#mirror.resize(columns, rows)
    this.#recent.resized({ columns, rows })
    this.#options.sessions.patch(this.id, { columns, rows })
  }

  #stir(): void {
    const now = performance.now()
    if (now - this.#lastStir < STIR_EVERY) return
    this.#lastStir = now
    this.#options.link.stir()
  }

  #ownTitle(): string {
    const { service, title } = this.#options.record
    const given = this.#mirror.title
    // What a shell says of itself does not say where it is.
    return given && service !== undefined ? `${service}: ${given}` : given || title
  }

  #titleNow(): string {
    return this.#renamed ? (this.#options.sessions.get(this.id)?.title ?? this.#ownTitle()) : this.#ownTitle()
  }

  #titleChanged(): void {
    this.#titleTimer ??= setTimeout(() => {
      this.#titleTimer = undefined
      const title = this.#titleNow()
      if (this.#options.sessions.get(this.id)?.title !== title)
        this.#options.sessions.patch(this.id, { title })
    }, TITLE_EVERY)
  }
}
