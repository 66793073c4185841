import { NativeSelect } from '@mantine/core'
import { useEffect, useState } from 'react'
import type { DataSource, Definition, PlacedSnapshot } from '#contract'
import { request } from '../../lib/engine'
import { formatAgo } from '../../lib/format'
import { useCollection } from '../../lib/hooks'

/** Whether a definition has volumes that hold data of the workspace's own. */
export function hasData({ services, mounts }: Pick<Definition, 'services' | 'mounts'>): boolean {
  const named = ({ type, source }: { readonly type: string; readonly source?: string | undefined }) =>
    type === 'volume' && source !== undefined
  return (
    services.some((service) => service.mounts.some(named)) ||
    mounts.some((mount) => named(mount) && mount.ofWorkspace === true)
  )
}

interface DataFromProps {
  readonly value: DataSource | undefined
  readonly onChange: (value: DataSource | undefined) => void
}

const keyOf = ({ workspaceId, snapshotId }: DataSource) => [workspaceId, snapshotId].filter(Boolean).join('@')

/** What the data volumes of a new workspace begin with: nothing, another workspace's data, or a snapshot. */
export function DataFrom({ value, onChange }: DataFromProps) {
  const workspaces = useCollection('workspaces').filter(({ definition }) => hasData(definition))
  const [snapshots, setSnapshots] = useState<readonly PlacedSnapshot[]>([])
  useEffect(() => {
    const controller = new AbortController()
    void request('data.snapshots', {}, controller.signal).then((result) => {
      if (!controller.signal.aborted && result.ok) setSnapshots(result.value)
    })
    return () => controller.abort()
  }, [])
  const now = Date.now()
  const sources = new Map<string, DataSource>([
    ...workspaces.map(({ id }) => [id, { workspaceId: id }] as const),
    ...snapshots.map(({ snapshot: { id, workspaceId } }) => {
      const source = { workspaceId, snapshotId: id }
      return [keyOf(source), source] as const
    }),
  ])
  const chosen = value && keyOf(value)
  if (sources.size === 0 && chosen === undefined) return null
  return (
    <NativeSelect
      label="Data of its services"
      value={chosen ?? ''}
      onChange={(event) => onChange(sources.get(event.currentTarget.value))}
      data={[
        { value: '', label: 'Begins empty' },
        ...(chosen !== undefined && !sources.has(chosen)
          ? [{ value: chosen, label: 'As it was asked for' }]
          : []),
        {
          group: 'As it is now in',
          items: workspaces.map(({ id, name }) => ({ value: id, label: name })),
        },
        {
          group: 'As it was in a snapshot',
          items: snapshots.map(({ snapshot }) => ({
            value: keyOf({ workspaceId: snapshot.workspaceId, snapshotId: snapshot.id }),
            label: `${snapshot.name}, of ${snapshot.workspaceName}, ${formatAgo(snapshot.createdAt, now)}`,
          })),
        },
      ]}
    />
  )
}
