import { problem, type Workspace } from '#contract'
import type { Driver } from '../drivers/driver'
import type { ReadonlyCollection } from '../platform/collection'
import type { Platform } from '../platform/platform'
import { prepareExec } from './environment'
import type { Link, Links } from './link'
import { Poller } from './poller'

export type { Link, LinkExecOptions, Links, ListeningTable } from './link'

export interface LinksDependencies {
  readonly platform: Platform
  readonly workspaces: ReadonlyCollection<Workspace>
  readonly driverOf: (workspaceId: string) => Driver | undefined
}

/** Links over the drivers' own verbs. */
export function createLinks(dependencies: LinksDependencies): Links & { dispose(): void } {
  const { platform, workspaces } = dependencies
  const links = new Map<string, { link: Link; poller: Poller }>()
  const ended = new AbortController()

  const unwatch = workspaces.onChange(({ removes }) => {
    for (const id of removes) {
      links.get(id)?.poller.dispose()
      links.delete(id)
    }
  })

  function make(workspaceId: string): { link: Link; poller: Poller } {
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
    const poller = new Poller({
      workspaceId,
      workspaces,
      driver: () => dependencies.driverOf(workspaceId),
      clock: platform.clock,
      logger: platform.logger,
    })
    const link: Link = {
      workspaceId,
      async exec(options, signal = ended.signal) {
        const workspace = workspaces.get(workspaceId)
        const found = driver()
        if (!workspace) {
          throw problem({
            code: 'workspace-gone',
            title: 'The workspace is gone',
            cause: `There is no workspace ${workspaceId} any more.`,
            remedy: 'Refresh the list of workspaces.',
          })
        }
        return found.exec(workspaceId, prepareExec(workspace, options, platform.env), signal)
      },
      dial: async (port, signal) => driver().dial(workspaceId, port, signal),
      read: async (path, signal) => driver().read(workspaceId, path, signal),
      write: async (folder, tar, signal) => driver().write(workspaceId, folder, tar, signal),
      listeners: (signal) => poller.follow(AbortSignal.any([signal, ended.signal])),
      foreground: (session) => poller.foreground(session),
      stir: () => poller.stir(),
    }
    return { link, poller }
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
      for (const { poller } of links.values()) poller.dispose()
      links.clear()
    },
  }
}
