import { Button, NativeSelect, SegmentedControl, TextInput } from '@mantine/core'
import { IconPlus, IconSearch } from '@tabler/icons-react'
import { useDeferredValue, useMemo, useRef, useState } from 'react'
import { type Command, useCommands } from '../../lib/commands'
import { useCollection } from '../../lib/hooks'
import { navigate } from '../../lib/navigation'
import { EmptyState } from '../../ui/empty-state'
import { Page } from '../../ui/page'
import { countByFilter, type SortOrder, type StateFilter, selectWorkspaces } from './select'
import { WorkspaceRows } from './workspace-rows'
import styles from './workspaces.module.css'

const sortOptions = [
  { value: 'name', label: 'By name' },
  { value: 'newest', label: 'Newest first' },
  { value: 'state', label: 'By state' },
] satisfies { value: SortOrder; label: string }[]

/** All workspaces of all targets: found by words, by state, in an order. */
export function WorkspacesView() {
  const workspaces = useDeferredValue(useCollection('workspaces'))
  const [text, setText] = useState('')
  const [filter, setFilter] = useState<StateFilter>('all')
  const [sort, setSort] = useState<SortOrder>('name')
  const search = useRef<HTMLInputElement>(null)
  const list = useRef<HTMLUListElement>(null)
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
  const counts = useMemo(() => countByFilter(workspaces), [workspaces])

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
          {/* The system's own: the component library's takes longer to draw than all rows in view. */}
          <NativeSelect
            aria-label="Order"
            className={styles.sort}
            value={sort}
            onChange={(event) => setSort(event.currentTarget.value as SortOrder)}
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
        <WorkspaceRows list={list} workspaces={shown} />
      )}
    </Page>
  )
}
