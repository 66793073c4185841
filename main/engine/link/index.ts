import { randomBytes } from 'node:crypto'
import { problem, type Workspace } from '#contract'
import type { Driver } from '../drivers/driver'
import type { ReadonlyCollection } from '../platform/collection'
import type { Platform } from '../platform/platform'
import { WorkspaceActivity } from './activity'
import { AgentKeeper } from './agent/keeper'
import type { AgentBinaries } from './agent/place'
import { shippedAgents } from './agent/shipped'
import { createLinkCredentials } from './credentials'
import { LinkDialer } from './dial'
import { isUser, prepareExec } from './environment'
import { createLinkFiles } from './files/open'
import { keptPlace, wasKept } from './kept-environment'
import type { Link, LinkExecOptions, Links } from './link'
import { Poller } from './poller'
import { prepareServiceExec } from './service-exec'
import { createLinkTerminals } from './terminals'
import { UserEnvironment } from './user-environment'

export type { AgentBinaries } from './agent/place'
export type { Link, LinkExecOptions, Links, ListeningTable } from './link'

export interface LinksDependencies {
  readonly platform: Platform
  readonly workspaces: ReadonlyCollection<Workspace>
  readonly driverOf: (workspaceId: string) => Driver | undefined
  /** Absent: those that Berth was shipped with. */
  readonly agents?: AgentBinaries
}

/** How long the agent is waited for to be known to be missing, in milliseconds. */
const AGENT_PATIENCE = 5_000

interface Entry {
  readonly link: Link
  dispose(): void
}

/** Links over the agent in what it does better, where there is a connection to it; else over the drivers' own verbs. */
export function createLinks(dependencies: LinksDependencies): Links & { dispose(): void } {
  const { platform, workspaces } = dependencies
  const agents = dependencies.agents ?? shippedAgents(platform.folders.resources)
  const links = new Map<string, Entry>()
  const ended = new AbortController()

  const unwatch = workspaces.onChange(({ removes }) => {
    for (const id of removes) {
      links.get(id)?.dispose()
      links.delete(id)
    }
  })

  function make(workspaceId: string): Entry {
    const driver = () => {
      const found = dependencies.driverOf(workspaceId)
      if (found) return found
      throw problem({
        code: 'workspace-gone',
        title: 'The workspace is gone',
        cause: `No target that Berth knows has the workspace ${workspaceId}.`,
        remedy: 'Refresh the list of workspaces.',
      })
    }
    const existing = () => {
      const workspace = workspaces.get(workspaceId)
      if (workspace) return workspace
      throw problem({
        code: 'workspace-gone',
        title: 'The workspace is gone',
        cause: `There is no workspace ${workspaceId} any more.`,
        remedy: 'Refresh the list of workspaces.',
      })
    }
    /** A target may keep a place for one that is stopped, in which something could be started. */
    const awake = () => {
      const workspace = existing()
      if (workspace.state !== 'stopped') return workspace
      throw problem({
        code: 'workspace-not-running',
        title: `${workspace.name} is not running`,
        cause: `${workspace.reason}.`,
        remedy: 'Start the workspace.',
        actions: [{ kind: 'workspace', label: 'Start', verb: 'start', workspaceId }],
      })
    }
    const common = {
      workspaceId,
      workspaces,
      driver: () => dependencies.driverOf(workspaceId),
      clock: platform.clock,
      logger: platform.logger,
    }
    const agent = new AgentKeeper({ ...common, binaries: agents })
    const poller = new Poller({ ...common, agent })
    const credentials = createLinkCredentials({ agent, clock: platform.clock, ended: ended.signal })
    const dialer = new LinkDialer({
      agent,
      driver,
      incarnation: () => awake().incarnation ?? '',
      clock: platform.clock,
      logger: platform.logger,
      ended: ended.signal,
    })
    const userEnvironment = new UserEnvironment({
      workspace: awake,
      exec: (options, signal) => driver().exec(workspaceId, options, signal),
      clock: platform.clock,
      ended: ended.signal,
      place: () => keptPlace(awake()),
    })
    /** With what another process has kept of the user's environment; undefined where that does not hold any more. */
    const execAsKept = async (options: LinkExecOptions, signal: AbortSignal) => {
      const workspace = awake()
      const mark = randomBytes(16).toString('hex')
      const reading = { ...keptPlace(workspace), mark }
      const prepared = prepareExec(workspace, options, platform.env, true, {}, { reading })
      const process = await driver().exec(workspaceId, prepared, signal)
      try {
        if (await wasKept(process, mark, signal)) return process
      } catch (error) {
        process.destroy()
        throw error
      }
      process.destroy()
      return undefined
    }
    const link: Link = {
      workspaceId,
      async exec(options, signal = ended.signal) {
        // Over the driver, which is twice as fast with bulk (bench exec-binary).
        const workspace = awake()
        if (options.service !== undefined) {
          const prepared = prepareServiceExec(workspace, options.service, options)
          return driver().exec(workspaceId, prepared, signal)
        }
        const isOfUser = options.probed && isUser(workspace, options.user)
        const run = async () => {
          const { variables } = isOfUser ? await userEnvironment.get(signal) : { variables: {} }
          const kept = isOfUser ? { keeping: userEnvironment.takeKeeping() } : {}
          const prepared = prepareExec(workspace, options, platform.env, true, variables, kept)
          return driver().exec(workspaceId, prepared, signal)
        }
        const kept = isOfUser && userEnvironment.isUnknown ? await execAsKept(options, signal) : undefined
        const process = kept ?? (await run())
        credentials.attend(process)
        return process
      },
      dial: (port, signal, words) => dialer.dial(port, signal, words),
      read: async (path, signal) => driver().read(workspaceId, path, signal),
      write: async (folder, tar, signal) => driver().write(workspaceId, folder, tar, signal),
      listeners: (signal) => poller.follow(AbortSignal.any([signal, ended.signal])),
      userEnvironment: (signal, anew) => (anew ? userEnvironment.renew(signal) : userEnvironment.get(signal)),
      foreground: (session) => poller.foreground(session),
      credentials,
      terminals: createLinkTerminals({
        agent,
        ended: ended.signal,
        prepare: (options) => prepareExec(existing(), options, platform.env),
      }),
      missing: async (signal) => {
        await agent.connected(AGENT_PATIENCE, signal)
        return agent.problem
      },
      files: createLinkFiles(agent, existing),
      openSsh: (signal) => agent.openMessages(AbortSignal.any([signal, ended.signal])),
      activity: new WorkspaceActivity({ agent, clock: platform.clock, ended: ended.signal }),
      stir: () => poller.stir(),
    }
    const dispose = () => {
      poller.dispose()
      agent.dispose()
    }
    return { link, dispose }
  }

  return {
    get(workspaceId) {
      let entry = links.get(workspaceId)
      if (!entry) {
        entry = make(workspaceId)
        links.set(workspaceId, entry)
      }
      return entry.link
    },
    dispose() {
      void unwatch()
      ended.abort()
      for (const entry of links.values()) entry.dispose()
      links.clear()
    },
  }
}
