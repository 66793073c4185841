import { type Opened, type Opener, type OpenerId, openerIds, problem, type Workspace } from '#contract'
import type { Links } from '../../link/link'
import type { Platform } from '../../platform/platform'
import type { SshConfig } from '../ssh-config'
import { startBrowserIde } from './browser-ide'
import { commandFor } from './command'
import { browserServers, installExtensions, sshServers, wantedExtensions, writeSettings } from './customize'
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

/** How long an editor waits for what the definition wants it to have, milliseconds. */
const CUSTOMIZE_LIMIT = 10_000

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

  /**
   * Gives an editor what the definition wants it to have. That it cannot is no reason not to open it: resolves with what
   * to say then.
   */
  async function customize(
    workspace: Workspace,
    id: OpenerId,
    signal: AbortSignal,
  ): Promise<string | undefined> {
    const { customizations } = workspace.definition
    const place = id === 'vscode' || id === 'cursor' || id === 'windsurf' ? sshServers[id] : undefined
    if (!customizations?.vscode || (!place && id !== 'browser')) return undefined
    const limit = AbortSignal.any([signal, AbortSignal.timeout(CUSTOMIZE_LIMIT)])
    try {
      const link = links.get(workspace.id)
      await writeSettings(link, customizations, place ? [place] : browserServers, limit)
      if (place) await installExtensions(link, wantedExtensions(customizations), place, limit)
      return undefined
    } catch (error) {
      signal.throwIfAborted()
      platform.logger.warn('An editor could not be customized', { id, error: String(error) })
      return 'The extensions and settings that the definition names could not be put into the workspace.'
    }
  }

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
        const uncustomized = await customize(workspace, id, signal)
        const port = await startBrowserIde(links.get(workspace.id), workspace, platform.clock, signal)
        const url = await forward(workspace.id, port, signal)
        return {
          url: `${url}?folder=${encodeURIComponent(folder)}`,
          ...(uncustomized === undefined ? {} : { hint: uncustomized }),
        }
      }
      const program = await findProgram(id, machine)
      if (!program) throw notThere(id)
      const { config } = await sshConfig.prepare()
      const uncustomized = await customize(workspace, id, signal)
      const host = hostOf(workspace)
      const [command = '', ...args] = commandFor(id, program, { host, folder, sshConfig: config })
      try {
        await platform.processes.launch(command, args)
      } catch (error) {
        throw notStarted(id, error)
      }
      if (id !== 'gateway') return uncustomized === undefined ? {} : { hint: uncustomized }
      const plugins = workspace.definition.customizations?.jetbrains?.plugins ?? []
      const wants = plugins.length > 0 ? ` The definition wants these plugins: ${plugins.join(', ')}.` : ''
      return { hint: `Choose “New connection” over SSH there, with the host ${host}.${wants}` }
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
