import { type Opened, type Opener, type OpenerId, openerIds, problem, type Workspace } from '#contract'
import type { Links } from '../../link/link'
import type { Platform } from '../../platform/platform'
import type { SshConfig } from '../ssh-config'
import { startBrowserIde } from './browser-ide'
import { commandFor } from './command'
import { findProgram, type Machine } from './programs'

const names: Readonly<Record<OpenerId, string>> = {
  vscode: 'VS Code',
  cursor: 'Cursor',
  windsurf: 'Windsurf',
  zed: 'Zed',
  gateway: 'JetBrains Gateway',
  terminal: 'Terminal',
  files: 'File manager',
  browser: 'Editor in the browser',
}
/** Those that come with the way to their destination themselves. */
const reachedOtherwise: readonly OpenerId[] = ['terminal', 'browser']

export interface OpenersDependencies {
  readonly platform: Platform
  readonly links: Links
  readonly sshConfig: SshConfig
  readonly machine: Machine
  readonly hostOf: (workspace: Workspace) => string
  /** Forwards a port of a workspace; resolves with its URL. */
  readonly forward: (workspaceId: string, port: number, signal: AbortSignal) => Promise<string>
}

/** Opens workspaces in programs of this machine. */
export interface Openers {
  /** Those that are there. */
  list(): Promise<Opener[]>
  /** Rejects with a `ProblemError`. */
  open(workspace: Workspace, id: OpenerId, signal: AbortSignal): Promise<Opened>
}

export function createOpeners(dependencies: OpenersDependencies): Openers {
  const { forward, hostOf, links, machine, platform, sshConfig } = dependencies
  const isThere = async (id: OpenerId) => id === 'browser' || (await findProgram(id, machine)) !== undefined

  return {
    async list() {
      const there = await Promise.all(openerIds.map(async (id) => ({ id, isThere: await isThere(id) })))
      return there.flatMap(({ id, isThere: found }) =>
        found ? [{ id, name: names[id], needsSshConfig: !reachedOtherwise.includes(id) }] : [],
      )
    },
    async open(workspace, id, signal) {
      const folder = workspace.definition.workspaceFolder
      if (id === 'browser') {
        const port = await startBrowserIde(links.get(workspace.id), workspace, platform.clock, signal)
        const url = await forward(workspace.id, port, signal)
        return { url: `${url}?folder=${encodeURIComponent(folder)}` }
      }
      const program = await findProgram(id, machine)
      if (!program) throw notThere(id)
      const { config } = await sshConfig.prepare()
      const host = hostOf(workspace)
      const [command = '', ...args] = commandFor(id, program, { host, folder, sshConfig: config })
      try {
        await platform.processes.launch(command, args)
      } catch (error) {
        throw notStarted(id, error)
      }
      return id === 'gateway'
        ? { hint: `Choose “New connection” over SSH there, with the host ${host}.` }
        : {}
    },
  }
}

function notThere(id: OpenerId) {
  return problem({
    code: 'not-found',
    title: `${names[id]} is not here any more`,
    cause: 'It was not found on this machine.',
    remedy: 'Install it, or choose another program.',
  })
}

function notStarted(id: OpenerId, error: unknown) {
  return problem({
    code: 'exec-failed',
    title: `${names[id]} could not be started`,
    cause: `${error instanceof Error ? error.message : String(error)}.`,
    remedy: 'See that it starts by itself, and try again.',
  })
}
