import type { Source, Workspace } from '#contract'
import type { Engine } from '../main/engine/engine'
import type { WorkspaceDocument } from './documents'
import { targetLabel } from './select'

/** A workspace as `--json` shows it. */
export function workspaceDocument(workspace: Workspace): WorkspaceDocument {
  const { idle, lastStop, prebuild } = workspace
  return {
    id: workspace.id,
    name: workspace.name,
    target: workspace.targetId,
    state: workspace.state,
    reason: workspace.reason,
    problem: workspace.problem ?? null,
    source: workspace.source,
    image: workspace.image,
    folder: workspace.definition.workspaceFolder,
    user: workspace.user.name,
    owner: workspace.owner,
    instance: workspace.instance ?? null,
    createdAt: new Date(workspace.createdAt).toISOString(),
    startedAt: workspace.startedAt === undefined ? null : new Date(workspace.startedAt).toISOString(),
    volume: workspace.volume ?? null,
    idle: idle ? { minutes: idle.minutes, whileClosed: idle.whileClosed } : null,
    prebuild: prebuild ? { ...prebuild, madeAt: new Date(prebuild.madeAt).toISOString() } : null,
    lastStop: lastStop ? { reason: lastStop.reason, at: new Date(lastStop.at).toISOString() } : null,
  }
}

/** Where a workspace's files come from, in one line. */
export function sourceText(source: Source): string {
  switch (source.kind) {
    case 'git': {
      if (!source.ref) return source.url
      return source.ref.kind === 'branch'
        ? `${source.url}#${source.ref.name}`
        : `${source.url}@${source.ref.id.slice(0, 12)}`
    }
    case 'folder':
      return source.path
    case 'image':
      return source.image
  }
}

/** `target/name` where another target has a workspace of the same name, else the name. */
export function workspaceLabel(engine: Engine, workspace: Workspace): string {
  const { workspaces, targets } = engine.collections
  const namesakes = workspaces.list().filter(({ name }) => name === workspace.name)
  return namesakes.length > 1
    ? `${targetLabel(workspace.targetId, targets.list())}/${workspace.name}`
    : workspace.name
}

export function briefWorkspace(workspace: Workspace): { id: string; name: string; target: string } {
  return { id: workspace.id, name: workspace.name, target: workspace.targetId }
}
