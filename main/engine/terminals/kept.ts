import type { Workspace } from '#contract'
import type { Links, TerminalFacts } from '../link/link'
import type { ReadonlyCollection } from '../platform/collection'
import type { Disposer } from '../platform/disposable'
import type { Logger } from '../platform/logger'

export interface FollowKeptOptions {
  readonly workspaces: ReadonlyCollection<Workspace>
  readonly links: Links
  readonly logger: Logger
  /** All terminals that a workspace keeps, at once and after every change. */
  readonly told: (workspace: Workspace, kept: readonly TerminalFacts[]) => void
}

/** Follows the terminals that running workspaces keep. */
export function followKept({ links, logger, told, workspaces }: FollowKeptOptions): Disposer {
  const following = new Map<string, AbortController>()

  async function follow(workspaceId: string, signal: AbortSignal): Promise<void> {
    try {
      for await (const kept of links.get(workspaceId).terminals.follow(signal)) {
        const workspace = workspaces.get(workspaceId)
        if (kept && workspace && !signal.aborted) told(workspace, kept)
      }
    } catch (error) {
      logger.warn('The terminals of a workspace are not followed any more', {
        workspace: workspaceId,
        cause: String(error),
      })
    }
  }

  const look = (workspace: Workspace) => {
    if (workspace.state !== 'running' || following.has(workspace.id)) return
    const controller = new AbortController()
    following.set(workspace.id, controller)
    void follow(workspace.id, controller.signal)
  }
  const forget = (workspaceId: string) => {
    following.get(workspaceId)?.abort()
    following.delete(workspaceId)
  }
  const unwatch = workspaces.onChange(({ removes, upserts }) => {
    for (const workspace of upserts) look(workspace)
    for (const id of removes) forget(id)
  })
  for (const workspace of workspaces.list()) look(workspace)
  return () => {
    void unwatch()
    for (const id of [...following.keys()]) forget(id)
  }
}
