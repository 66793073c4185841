import { memo, type RefObject, useMemo } from 'react'
import type { Operation, Port, Workspace } from '#contract'
import { useCollection, useNow, useUnreachable } from '../../lib/hooks'
import { useWindowed } from '../../lib/windowed'
import { WorkspaceRow } from './workspace-row'
import styles from './workspaces.module.css'

/** Pixels, as workspaces.module.css has it. */
const ROW_HEIGHT = 56

const none: readonly Port[] = []

/** The live ports of each workspace. */
function portsByWorkspace(ports: readonly Port[]): ReadonlyMap<string, readonly Port[]> {
  const live = new Map<string, Port[]>()
  for (const port of ports) {
    if (port.state !== 'live') continue
    const own = live.get(port.workspaceId)
    if (own) own.push(port)
    else live.set(port.workspaceId, [port])
  }
  return live
}

/** What is being done to each workspace. */
function runningByWorkspace(operations: readonly Operation[]): ReadonlyMap<string, Operation> {
  const running = operations.filter(({ state }) => state === 'running')
  // The first of several counts.
  return new Map(running.reverse().map((operation) => [operation.workspaceId, operation]))
}

interface WorkspaceRowsProps {
  readonly list: RefObject<HTMLUListElement | null>
  /** In the order in which they are shown. */
  readonly workspaces: readonly Workspace[]
}

/** The list's rows: what scrolling, ports and operations change, and nothing around it. */
export const WorkspaceRows = memo(function WorkspaceRows({ list, workspaces }: WorkspaceRowsProps) {
  const operations = useCollection('operations')
  const targets = useCollection('targets')
  const unreachable = useUnreachable()
  const ports = useCollection('ports')
  const now = useNow(30_000)
  const { indexes, before, after, onKeyDown } = useWindowed(list, workspaces.length, ROW_HEIGHT)
  const livePorts = useMemo(() => portsByWorkspace(ports), [ports])
  const running = useMemo(() => runningByWorkspace(operations), [operations])
  const targetNames = useMemo(() => new Map(targets.map((target) => [target.id, target.name])), [targets])
  return (
    <ul ref={list} className={styles.list} aria-label="Workspaces" onKeyDown={onKeyDown}>
      {before > 0 ? <li aria-hidden style={{ height: before }} /> : null}
      {indexes.map((index) => {
        const workspace = workspaces[index]
        if (!workspace) return null
        return (
          <WorkspaceRow
            key={workspace.id}
            index={index}
            total={workspaces.length}
            workspace={workspace}
            targetName={targetNames.get(workspace.targetId) ?? workspace.targetId}
            unreachable={unreachable.has(workspace.targetId)}
            operation={running.get(workspace.id)}
            ports={livePorts.get(workspace.id) ?? none}
            now={now}
          />
        )
      })}
      {after > 0 ? <li aria-hidden style={{ height: after }} /> : null}
    </ul>
  )
})
