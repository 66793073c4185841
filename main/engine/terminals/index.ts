import { randomInt } from 'node:crypto'
import { basename } from 'node:path/posix'
import { problem, type Session, type StreamOpen, type Workspace } from '#contract'
import { commandOf } from '../link/environment'
import type { Links, TerminalFacts } from '../link/link'
import { Collection, type ReadonlyCollection } from '../platform/collection'
import { DisposableStack } from '../platform/disposable'
import type { Handlers } from '../platform/handlers'
import type { MessageEndpoint } from '../platform/message-port'
import type { Platform } from '../platform/platform'
import { followKept } from './kept'
import { type SessionOptions, TerminalSession } from './session'
import { startOfTask, type TaskToBegin } from './task'
import { within } from './within'

/** How long terminals that are about to start are waited for, in milliseconds. */
const SETTLING = 5_000
/** Of a terminal that no window has asked for: the first to look at it gives it its own. */
const TASK_SIZE = { columns: 80, rows: 24 }

export interface TerminalsOptions {
  readonly platform: Platform
  readonly workspaces: ReadonlyCollection<Workspace>
  /** Those whose kept terminals are looked for. */
  readonly followed: ReadonlyCollection<Workspace>
  readonly links: Links
  /** The terminal that the user had in front, by workspace: whoever comes is greeted with that. Absent: the oldest. */
  readonly frontOf?: (workspaceId: string) => string | undefined
  /** Whether this engine lives on, so that a task may be begun which nothing else keeps. Absent: no. */
  readonly livesOn?: boolean
}

export interface Terminals {
  readonly sessions: ReadonlyCollection<Session>
  readonly handlers: Pick<
    Handlers,
    'sessions.create' | 'sessions.greet' | 'sessions.rename' | 'sessions.foreground' | 'sessions.close'
  >
  /** Whether one of a workspace's terminals has this number in its latest lines. */
  shows(workspaceId: string, number: number): boolean
  /** Begins a task in a terminal of its own; resolves when it runs. Rejects with a `ProblemError`. */
  beginTask(task: TaskToBegin, signal: AbortSignal): Promise<void>
  /** Attaches a window. The port of a session that does not exist is closed. */
  open(input: StreamOpen<'terminal'>, port: MessageEndpoint): void
  /** Lets all sessions go, and ends those that their workspace does not keep. */
  dispose(): Promise<void>
}

/**
 * The sessions of all workspaces: they live as long as the engine, whatever windows come and go, and those that their
 * workspace keeps live on without it and are found again.
 */
export function createTerminals({
  platform,
  workspaces,
  followed,
  links,
  frontOf = () => undefined,
  livesOn = false,
}: TerminalsOptions): Terminals {
  const stack = new DisposableStack()
  const sessions = new Collection<Session>()
  const terminals = new Map<string, TerminalSession>()
  /** Workspaces seen in deletion: their sessions go with them. */
  const doomed = new Set<string>()

  const find = (sessionId: string): TerminalSession => {
    const terminal = terminals.get(sessionId)
    if (!terminal)
      throw problem({
        code: 'not-found',
        title: 'That terminal is not there any more',
        cause: 'It was closed.',
        remedy: 'Open a new terminal.',
      })
    return terminal
  }

  /** Closed here, and perhaps still listed by their workspace for a moment. */
  const closed = new Set<string>()
  const close = async (terminal: TerminalSession) => {
    closed.add(terminal.id)
    terminals.delete(terminal.id)
    await terminal.close()
    sessions.delete(terminal.id)
  }

  const begin = (
    record: Session,
    { command, cwd, kept, task }: Pick<SessionOptions, 'command' | 'cwd' | 'kept' | 'task'>,
  ): Promise<void> => {
    sessions.set(record)
    const link = links.get(record.workspaceId)
    const terminal = new TerminalSession({
      platform,
      sessions,
      workspaces,
      link,
      record,
      command,
      cwd,
      ...(kept && { kept }),
      ...(task && { task }),
    })
    terminals.set(record.id, terminal)
    return terminal.start().then((isThere) => {
      if (!isThere) void close(terminal)
    })
  }

  const of = (workspaceId: string) => sessions.list().filter((session) => session.workspaceId === workspaceId)
  const titleFor = (name: string, workspaceId: string) => freeTitle(name, of(workspaceId))

  /** Resolves when no terminal of the workspace is about to start. */
  const settled = (workspaceId: string) =>
    new Promise<void>((resolve) => {
      const look = () => {
        if (of(workspaceId).some(({ state }) => state === 'starting')) return
        void unwatch()
        resolve()
      }
      const unwatch = sessions.onChange(look)
      look()
    })

  /** What a workspace keeps: of this engine, of an earlier one, or of another laptop's. */
  const told = (workspace: Workspace, kept: readonly TerminalFacts[]) => {
    for (const facts of [...kept].sort((one, two) => one.createdAt - two.createdAt)) {
      if (terminals.has(facts.id) || closed.has(facts.id) || stack.disposed) continue
      const command = commandOf(facts.command, workspace)
      const name = basename(command?.[0] ?? workspace.user.shell ?? '') || 'terminal'
      const record: Session = {
        id: facts.id,
        workspaceId: workspace.id,
        title: facts.name || titleFor(name, workspace.id),
        command: command ?? null,
        state: 'starting',
        columns: facts.columns,
        rows: facts.rows,
        createdAt: facts.createdAt,
      }
      void begin(record, { command, cwd: undefined, kept: { name: facts.name } })
    }
  }

  stack.add(
    workspaces.onChange(({ upserts, removes }) => {
      const touched = new Set([...upserts.map(({ id }) => id), ...removes])
      for (const terminal of terminals.values())
        if (touched.has(terminal.workspaceId)) terminal.workspaceChanged()
      for (const { id, state } of upserts) {
        if (state === 'deleting') doomed.add(id)
        else doomed.delete(id)
      }
      for (const id of removes) {
        if (!doomed.delete(id)) continue
        for (const terminal of [...terminals.values()]) if (terminal.workspaceId === id) void close(terminal)
      }
    }),
  )
  stack.add(
    platform.settings.onChange((settings) => {
      for (const terminal of terminals.values()) terminal.setScrollback(settings.terminal.scrollback)
    }),
  )
  stack.add(async () => {
    await Promise.all([...terminals.values()].map((terminal) => terminal.leave()))
    terminals.clear()
  })
  const kept = followKept({ workspaces: followed, links, logger: platform.logger, told })
  stack.add(() => kept.dispose())

  /** Throws where it cannot have a terminal just now. */
  const usable = (workspaceId: string, command?: readonly string[], service?: string): Workspace => {
    const workspace = workspaces.get(workspaceId)
    if (!workspace || stack.disposed)
      throw problem({
        code: 'not-found',
        title: 'There is no such workspace',
        cause: `No workspace has the id ${workspaceId}.`,
        remedy: 'Refresh the list of workspaces.',
      })
    if (workspace.state !== 'running') throw notRunning(workspace)
    // What is in a service it says itself.
    if (!command && service === undefined && workspace.user.shell === undefined) throw noShell(workspace)
    return workspace
  }

  const create: Terminals['handlers']['sessions.create'] = async ({
    workspaceId,
    service,
    command,
    cwd,
    columns,
    rows,
  }) => {
    const workspace = usable(workspaceId, command, service)
    const program = command?.[0] ?? service ?? workspace.user.shell ?? ''
    const record: Session = {
      id: newId(),
      workspaceId,
      title: titleFor(basename(program) || 'terminal', workspaceId),
      ...(service !== undefined && { service }),
      command: command ?? null,
      state: 'starting',
      columns,
      rows,
      createdAt: platform.clock.now(),
    }
    void begin(record, { command, cwd })
    return { sessionId: record.id }
  }

  const beginTask: Terminals['beginTask'] = async ({ workspaceId, name, service, cwd, ...task }, signal) => {
    const workspace = usable(workspaceId, undefined, service)
    // Of an earlier run of the workspace.
    for (const { id, title } of of(workspaceId)) {
      const terminal = terminals.get(id)
      if (title === name && terminal?.isOver) await close(terminal)
    }
    const id = newId()
    const record: Session = {
      ...{ id, workspaceId, title: titleFor(name, workspaceId), command: null, state: 'starting' },
      ...(service !== undefined && { service }),
      ...TASK_SIZE,
      createdAt: platform.clock.now(),
    }
    const start = startOfTask(task, service === undefined ? (workspace.user.shell ?? '') : 'sh', livesOn)
    const begun = begin(record, { command: undefined, cwd, task: start })
    const giveUp = () => {
      const terminal = terminals.get(id)
      if (terminal) void close(terminal)
    }
    signal.addEventListener('abort', giveUp, { once: true })
    await begun
    signal.removeEventListener('abort', giveUp)
    signal.throwIfAborted()
    const found = sessions.get(id)?.end?.problem
    if (!found) return
    // Told by whoever asked; nobody has seen it.
    await close(find(id))
    throw problem(found)
  }

  /** Whoever comes meanwhile meets the same. */
  const greetings = new Map<string, ReturnType<typeof greet>>()
  const greet: Terminals['handlers']['sessions.greet'] = async (input, signal) => {
    const { workspaceId } = input
    await kept.known(workspaceId)
    // One that turns out not to be there any more goes again: it greets nobody.
    await within(settled(workspaceId), SETTLING)
    const alive = of(workspaceId).filter(({ state }) => state !== 'ended')
    const there = alive.find(({ id }) => id === frontOf(workspaceId)) ?? alive[0]
    return there ? { sessionId: there.id } : create(input, signal)
  }

  return {
    sessions,
    handlers: {
      'sessions.create': create,
      'sessions.greet': (input, signal) => {
        const { workspaceId } = input
        const met = greetings.get(workspaceId) ?? greet(input, signal)
        greetings.set(workspaceId, met)
        const over = () => void greetings.delete(workspaceId)
        met.then(over, over)
        return met
      },
      'sessions.rename': async ({ sessionId, title }) => {
        find(sessionId).rename(title.trim())
        return {}
      },
      'sessions.foreground': async ({ sessionId }) => {
        const process = await find(sessionId).foreground()
        return process ? { process } : {}
      },
      'sessions.close': async ({ sessionId }) => {
        await close(find(sessionId))
        return {}
      },
    },
    shows(workspaceId, number) {
      const pattern = new RegExp(`(?<!\\d)${number}(?!\\d)`)
      const own = [...terminals.values()].filter((terminal) => terminal.workspaceId === workspaceId)
      return own.some((terminal) => pattern.test(terminal.latestText()))
    },
    beginTask,
    open(input, port) {
      const terminal = terminals.get(input.sessionId)
      if (terminal) terminal.attach(input, port)
      else port.close()
    },
    dispose: () => stack.dispose(),
  }
}

/** `bash`, then `bash 2`, `bash 3`: tabs that look the same could not be told apart. */
function freeTitle(name: string, others: readonly Session[]): string {
  const taken = new Set(others.map(({ title }) => title))
  let title = name
  for (let number = 2; taken.has(title); number++) title = `${name} ${number}`
  return title
}

function notRunning(workspace: Workspace) {
  const startable = workspace.state === 'stopped' || workspace.state === 'failed'
  return problem({
    code: 'workspace-not-running',
    title: `${workspace.name} is not running`,
    cause: `It is ${workspace.state}: ${workspace.reason}.`,
    remedy: startable ? 'Start the workspace, then open a terminal.' : 'Wait until it runs.',
    ...(startable
      ? {
          actions: [
            {
              kind: 'workspace' as const,
              label: 'Start workspace',
              verb: 'start' as const,
              workspaceId: workspace.id,
            },
          ],
        }
      : {}),
  })
}

function noShell(workspace: Workspace) {
  return problem({
    code: 'no-shell',
    title: `${workspace.name} has no shell`,
    cause: `A terminal runs one, and the image ${workspace.image} has none.`,
    remedy: `Use an image with a shell. The programs that it does have run by “berth exec ${workspace.name} -- <program>”.`,
  })
}

/** Not guessable from one to the next, though nothing depends on that. */
function newId(): string {
  const letters = 'abcdefghijklmnopqrstuvwxyz'
  return Array.from({ length: 12 }, () => letters[randomInt(letters.length)]).join('')
}
