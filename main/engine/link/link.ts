import type { Duplex, Readable } from 'node:stream'
import { type Listener, type OtherListener, type Problem, problem } from '#contract'
import type { ExecOptions, ExecProcess, FirstWords } from '../drivers/driver'
import type { Disposer } from '../platform/disposable'
import type { LinkActivity } from './activity'
import type { CredentialLender } from './agent/credentials'
import type {
  KeptTerminal,
  TerminalCheckpoint,
  TerminalFacts,
  TerminalPosition,
  TerminalRequest,
} from './agent/terminals'
import type { LinkFiles } from './files/open'
import type { ProcessFacts } from './listening-table'
import type { MessagesConnection } from './ssh/messages-connection'
import type { ProbedEnvironment } from './user-environment'

export type { ExecExit, ExecProcess, FirstWords } from '../drivers/driver'
export { type ActivityFacts, type Attendance, type LinkActivity, noActivity } from './activity'
export {
  type Asker,
  type CredentialLender,
  type GitAnswer,
  type GitAsk,
  NotLent,
  type SignAsk,
} from './agent/credentials'
export type {
  KeptTerminal,
  TerminalBeginning,
  TerminalCheckpoint,
  TerminalFacts,
  TerminalPosition,
} from './agent/terminals'
export type { LinkFiles } from './files/open'
export type { FileAttributes, FileEntry, FileListing, FileSession } from './files/session'
export type { ProbedEnvironment } from './user-environment'

/**
 * A running workspace as the services see it. They know no Docker and no Kubernetes. It goes over the driver's own
 * verbs; where the agent runs, over the agent.
 *
 * A link belongs to a workspace, not to one run of it: while the workspace is not running its verbs reject with
 * `workspace-not-running`, and after it is back they work again.
 */
export interface Link {
  readonly workspaceId: string

  /**
   * As the workspace user, in the workspace folder, with the definition's remoteEnv; each can be overridden.
   * `shell: 'login'` in place of a command runs the user's login shell. In a service it is as that service is: with its
   * own user, folder and environment, and nothing of the workspace's user; `login` is bash or sh then.
   */
  exec(options: LinkExecOptions, signal?: AbortSignal): Promise<ExecProcess>
  /** See {@link Driver.dial}. */
  dial(port: number, signal: AbortSignal, words?: FirstWords): Promise<Duplex>
  read(path: string, signal: AbortSignal): Promise<Readable>
  write(folder: string, tar: Readable, signal: AbortSignal): Promise<void>

  /**
   * Follows the workspace's listening table until the signal aborts; never rejects. Yields on change only, first
   * what there is, and once at least for each run of the workspace. While it does not run it yields
   * `available: false`, and goes on by itself afterwards.
   */
  listeners(signal: AbortSignal): AsyncIterable<ListeningTable>
  /**
   * The process in the foreground of the terminal of an exec whose environment has {@link SESSION_VARIABLE} with this
   * value. Undefined while that is what the exec itself runs, and where it cannot be known. Never rejects.
   */
  foreground(session: string): Promise<ProcessFacts | undefined>
  /**
   * What the user's login shell, or the one that the definition names by userEnvProbe, adds to the environment; asked
   * once in each run of the workspace, or now with `anew`. A shell that does not answer adds nothing, and a note says so.
   */
  userEnvironment(signal: AbortSignal, anew?: 'anew'): Promise<ProbedEnvironment>
  /** Terminals that outlive every connection to them; only where the agent runs. */
  readonly terminals: LinkTerminals
  /**
   * What keeps Berth from doing all that it could here: no agent runs. Takes a moment to find out; undefined where nothing
   * is missing, and where it cannot be known yet.
   */
  missing(signal: AbortSignal): Promise<Problem | undefined>
  /** The files, as the workspace's user has them; only where the agent runs. */
  readonly files: LinkFiles
  /**
   * An SSH connection of one's own to the agent, for who passes SSH on. Rejects with a `ProblemError` where no agent
   * runs or can be reached.
   */
  openSsh(signal: AbortSignal): Promise<MessagesConnection>
  /** What programs in the workspace may ask of this machine. */
  readonly credentials: LinkCredentials
  readonly activity: LinkActivity
  /** Something was printed or typed: a port may open soon, look more often for a while. Cheap. */
  stir(): void
}

export interface LinkCredentials {
  /**
   * Answers programs in the workspace from now on, whenever there is a connection to its agent, and keeps one while a
   * command runs that was started over this link. One lender at a time.
   */
  lend(lender: CredentialLender): Disposer
}

/** A lender where there is no agent: nobody asks it. */
export const noCredentials: LinkCredentials = { lend: () => () => undefined }

export interface LinkTerminals {
  /**
   * Attaches to a terminal, or makes it where there is none of this id. Waits a moment for the agent; undefined where
   * there is none, or not yet. Rejects with a `ProblemError`, of code `not-found` where there is no such terminal.
   */
  open(
    id: string,
    options: {
      /** Who types, if that is to be counted: see {@link TerminalBeginning}. */
      readonly writer?: string
      readonly create?: LinkTerminalOptions
      readonly from?: TerminalPosition
    },
    signal: AbortSignal,
  ): Promise<KeptTerminal | undefined>
  /** All that there are, at once and at every change, for as long as the agent is reached; undefined while it is not. */
  follow(signal: AbortSignal): AsyncIterable<readonly TerminalFacts[] | undefined>
  /** Resolves also where it could not be asked. */
  ask(request: TerminalRequest): Promise<void>
  /** Leaves the screen with it. Resolves also where that was not possible. */
  checkpoint(id: string, checkpoint: TerminalCheckpoint): Promise<void>
}

/** Terminals where there is no agent: none. */
export const noTerminals: LinkTerminals = {
  open: async () => undefined,
  follow: async function* () {
    yield undefined
  },
  ask: async () => undefined,
  checkpoint: async () => undefined,
}

/** Files where there is no agent. */
export const noFiles: LinkFiles = {
  open: async () => {
    throw problem({
      code: 'agent-unavailable',
      title: 'The files of the workspace cannot be reached',
      cause: 'There is no agent in it.',
      remedy: 'Copy them by “berth cp”.',
    })
  },
}

/** In the environment of a terminal's processes: whose they are. */
export const SESSION_VARIABLE = 'BERTH_SESSION'

export type LinkExecOptions = Omit<ExecOptions, 'command'> & {
  /** With what the user's shell adds to the environment: see {@link Link.userEnvironment}. May take a moment. */
  readonly probed?: boolean
} & ({ readonly command: readonly string[] } | { readonly shell: 'login' })

export type LinkTerminalOptions = LinkExecOptions & { readonly tty: NonNullable<ExecOptions['tty']> }

export type ListeningTable =
  | {
      readonly available: true
      readonly listeners: readonly Listener[]
      readonly others: readonly OtherListener[]
    }
  /** `problem` is absent when the workspace simply does not run. */
  | { readonly available: false; readonly problem?: Problem }

export interface Links {
  /** The link of a workspace, running or not; the same object each time. */
  get(workspaceId: string): Link
}
