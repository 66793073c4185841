import type { Workspace } from '#contract'
import type { Links, TerminalFacts } from '../link/link'
import type { ReadonlyCollection } from '../platform/collection'
import type { Logger } from '../platform/logger'
import { within } from './within'

/** How long what a workspace keeps is waited for, in milliseconds. */
const PATIENCE = 5_000

export interface FollowKeptOptions {
  readonly workspaces: ReadonlyCollection<Workspace>
  readonly links: Links
  readonly logger: Logger
  /** All terminals that a workspace keeps, at once and after every change. */
  readonly told: (workspace: Workspace, kept: readonly TerminalFacts[]) => void
}

export interface KeptTerminals {
  /** Resolves when it was told what a workspace keeps, or when that cannot be found out soon. */
  known(workspaceId: string): Promise<void>
  dispose(): void
}

interface Following {
  readonly stop: AbortController
  readonly known: Promise<void>
}

/** Follows the terminals that running workspaces keep. */
export function followKept({ links, logger, told, workspaces }: FollowKeptOptions): KeptTerminals {
  const following = new Map<string, Following>()

  async function follow(workspaceId: string, signal: AbortSignal, answered: () => void): Promise<void> {
    try {
      for await (const kept of links.get(workspaceId).terminals.follow(signal)) {
        const workspace = workspaces.get(workspaceId)
        if (kept && workspace && !signal.aborted) told(workspace, kept)
        answered()
      }
    } catch (error) {
      logger.warn('The terminals of a workspace are not followed any more', {
        workspace: workspaceId,
        cause: String(error),
      })
    }
    answered()
  }

  const look = (workspace: Workspace) => {
    if (workspace.state !== 'running' || following.has(workspace.id)) return
    const stop = new AbortController()
    const known = new Promise<void>((resolve) => void follow(workspace.id, stop.signal, resolve))
    following.set(workspace.id, { stop, known })
  }
  const forget = (workspaceId: string) => {
    following.get(workspaceId)?.stop.abort()
    following.delete(workspaceId)
  }
  const unwatch = workspaces.onChange(({ removes, upserts }) => {
    for (const workspace of upserts) look(workspace)
    for (const id of removes) forget(id)
  })
  for (const workspace of workspaces.list()) look(workspace)
  return {
    known: async (workspaceId) => {
      const found = following.get(workspaceId)
      if (found) await within(found.known, PATIENCE)
    },
    dispose() {
      void unwatch()
      for (const id of [...following.keys()]) forget(id)
    },
  }
}
