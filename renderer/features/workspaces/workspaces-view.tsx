import { Button, SegmentedControl, Select, TextInput } from '@mantine/core'
import { IconPlus, IconSearch } from '@tabler/icons-react'
import { useDeferredValue, useMemo, useRef, useState } from 'react'
import type { Operation, Port } from '#contract'
import { type Command, useCommands } from '../../lib/commands'
import { useCollection, useNow, useUnreachable } from '../../lib/hooks'
import { navigate } from '../../lib/navigation'
import { useWindowed } from '../../lib/windowed'
import { EmptyState } from '../../ui/empty-state'
import { Page } from '../../ui/page'
import { countByFilter, type SortOrder, type StateFilter, selectWorkspaces } from './select'
import { WorkspaceRow } from './workspace-row'
import styles from './workspaces.module.css'

const sortOptions = [
  { value: 'name', label: 'By name' },
  { value: 'newest', label: 'Newest first' },
  { value: 'state', label: 'By state' },
] satisfies { value: SortOrder; label: string }[]

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

/** All workspaces of all targets: found by words, by state, in an order. */
export function WorkspacesView() {
  const workspaces = useDeferredValue(useCollection('workspaces'))
  const operations = useCollection('operations')
  const targets = useCollection('targets')
  const unreachable = useUnreachable()
  const ports = useCollection('ports')
  const now = useNow(30_000)
  const [text, setText] = useState('')
  const [filter, setFilter] = useState<StateFilter>('all')
  const [sort, setSort] = useState<SortOrder>('name')
  const search = useRef<HTMLInputElement>(null)
  const commands = useMemo<readonly Command[]>(
    () => [
      {
        id: 'workspaces.filter',
        title: 'Filter workspaces',
        group: 'General',
        keys: ['/'],
        run: () => search.current?.focus(),
      },
    ],
    [],
  )
  useCommands(commands)
  // Typing goes before drawing what it finds.
  const sought = useDeferredValue(text)
  const shown = useMemo(
    () => selectWorkspaces(workspaces, { text: sought, filter, sort }),
    [workspaces, sought, filter, sort],
  )
  const { list, indexes, before, after, onKeyDown } = useWindowed<HTMLUListElement>(shown.length, ROW_HEIGHT)
  const livePorts = useMemo(() => portsByWorkspace(ports), [ports])
  const running = useMemo(() => runningByWorkspace(operations), [operations])
  const counts = useMemo(() => countByFilter(workspaces), [workspaces])
  const targetNames = useMemo(() => new Map(targets.map((target) => [target.id, target.name])), [targets])

  return (
    <Page
      title="Workspaces"
      actions={
        <Button leftSection={<IconPlus size={14} />} onClick={() => navigate({ view: 'create' })}>
          New workspace
        </Button>
      }
      toolbar={
        <div className={styles.toolbar}>
          <TextInput
            ref={search}
            className={styles.search}
            aria-label="Filter workspaces"
            placeholder="Filter by name, source, target…"
            leftSection={<IconSearch size={14} />}
            value={text}
            onChange={(event) => setText(event.currentTarget.value)}
            onKeyDown={(event) => {
              if (event.key === 'Escape') setText('')
              if (event.key === 'ArrowDown') list.current?.querySelector<HTMLElement>('[data-row]')?.focus()
            }}
          />
          <SegmentedControl
            aria-label="State"
            value={filter}
            onChange={(value) => setFilter(value as StateFilter)}
            data={[
              { value: 'all', label: `All ${counts.all}` },
              { value: 'running', label: `Active ${counts.running}` },
              { value: 'stopped', label: `Stopped ${counts.stopped}` },
              { value: 'failed', label: `Failed ${counts.failed}` },
            ]}
          />
          <Select
            aria-label="Order"
            className={styles.sort}
            value={sort}
            onChange={(value) => value && setSort(value as SortOrder)}
            data={sortOptions}
          />
        </div>
      }
    >
      {shown.length === 0 ? (
        <EmptyState
          icon={<IconSearch size={20} />}
          title="No workspace matches"
          actions={
            <Button
              variant="default"
              onClick={() => {
                setText('')
                setFilter('all')
              }}
            >
              Show all {counts.all}
            </Button>
          }
        >
          {text ? `Nothing here contains “${text}”.` : 'None is in this state just now.'}
        </EmptyState>
      ) : (
        <ul ref={list} className={styles.list} aria-label="Workspaces" onKeyDown={onKeyDown}>
          {before > 0 ? <li aria-hidden style={{ height: before }} /> : null}
          {indexes.map((index) => {
            const workspace = shown[index]
            if (!workspace) return null
            return (
              <WorkspaceRow
                key={workspace.id}
                index={index}
                total={shown.length}
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
      )}
    </Page>
  )
}
