import {
  IconDatabase,
  IconLayoutList,
  IconPlus,
  IconSearch,
  IconServer2,
  IconSettings,
} from '@tabler/icons-react'
import { memo, type ReactNode, useDeferredValue, useEffect, useRef, useState } from 'react'
import type { Workspace } from '#contract'
import { isMac } from '../lib/bridge'
import { useConnection } from '../lib/engine'
import { sortedByName, stateLabel } from '../lib/format'
import { useCollection, useLoaded, useUnreachable } from '../lib/hooks'
import { chordLabels } from '../lib/keys'
import { navigate, openWorkspace, type Route, useNavigation } from '../lib/navigation'
import { workspaceTone } from '../lib/tone'
import { useWindowed } from '../lib/windowed'
import { KeyHint } from '../ui/key-hint'
import { StateDot } from '../ui/state-dot'
import { engineNote } from './engine-note'
import { Mark } from './mark'
import { useOverlay } from './overlay'
import styles from './sidebar.module.css'

/** Navigation: where one can go, and every workspace with its state. */
export function Sidebar() {
  const route = useNavigation((state) => state.route)
  const mac = isMac()
  return (
    <nav className={styles.sidebar} aria-label="Main">
      <div className={styles.brand}>
        <Mark />
        Berth
      </div>
      <button type="button" className={styles.create} onClick={() => navigate({ view: 'create' })}>
        <IconPlus size={15} aria-hidden />
        <span className={styles.label}>New workspace</span>
      </button>
      <button
        type="button"
        className={styles.item}
        onClick={() => useOverlay.setState({ overlay: 'palette' })}
        aria-keyshortcuts={mac ? 'Meta+K' : 'Control+K'}
      >
        <IconSearch size={16} aria-hidden />
        <span className={styles.label}>Search</span>
        <KeyHint keys={chordLabels('mod+k', mac)} />
      </button>
      <NavigationItem
        route={route}
        to={{ view: 'workspaces' }}
        icon={<IconLayoutList size={16} aria-hidden />}
      >
        Workspaces
      </NavigationItem>
      <NavigationItem route={route} to={{ view: 'targets' }} icon={<IconServer2 size={16} aria-hidden />}>
        Targets
        <TargetTrouble />
      </NavigationItem>
      <NavigationItem route={route} to={{ view: 'storage' }} icon={<IconDatabase size={16} aria-hidden />}>
        Storage
      </NavigationItem>
      <WorkspaceList route={route} />
      <EngineNote />
      <NavigationItem route={route} to={{ view: 'settings' }} icon={<IconSettings size={16} aria-hidden />}>
        Settings
      </NavigationItem>
    </nav>
  )
}

interface NavigationItemProps {
  readonly route: Route
  readonly to: Route
  readonly icon: ReactNode
  readonly children: ReactNode
}

function NavigationItem({ route, to, icon, children }: NavigationItemProps) {
  return (
    <button
      type="button"
      className={styles.item}
      aria-current={route.view === to.view ? 'page' : undefined}
      onClick={() => navigate(to)}
    >
      {icon}
      <span className={styles.label}>{children}</span>
    </button>
  )
}

/** A dot beside Targets when one of them does not answer. */
function TargetTrouble() {
  const trouble = useCollection('targets').some((target) => target.state === 'unreachable')
  return trouble ? <StateDot tone="warn" label="A target does not answer" /> : null
}

/** Pixels, as sidebar.module.css has it. */
const ROW_HEIGHT = 30

function WorkspaceList({ route }: { readonly route: Route }) {
  const workspaces = useDeferredValue(useCollection('workspaces'))
  const loaded = useLoaded('workspaces')
  const unreachable = useUnreachable()
  const sorted = sortedByName(workspaces)
  const list = useRef<HTMLUListElement>(null)
  const { indexes, before, after, onKeyDown } = useWindowed(list, sorted.length, ROW_HEIGHT)
  const drawn = indexes.flatMap((index) => {
    const workspace = sorted[index]
    return workspace ? [{ index, workspace }] : []
  })
  const current = route.view === 'workspace' ? route.workspaceId : undefined
  // Hundreds of them are one stop of the Tab key: the one in view, or the first.
  const reached = (drawn.find(({ workspace }) => workspace.id === current) ?? drawn[0])?.workspace.id
  return (
    <>
      <h2 className={styles.heading} id="sidebar-workspaces">
        Jump to
      </h2>
      <ul
        ref={list}
        className={styles.list}
        data-scrolls
        aria-labelledby="sidebar-workspaces"
        onKeyDown={onKeyDown}
      >
        {loaded ? null : [0, 1, 2].map((row) => <li key={row} className={styles.placeholder} aria-hidden />)}
        {loaded && sorted.length === 0 ? <li className={styles.nothing}>None yet</li> : null}
        {before > 0 ? <li aria-hidden style={{ height: before }} /> : null}
        {drawn.map(({ index, workspace }) => (
          <li key={workspace.id} data-index={index} aria-posinset={index + 1} aria-setsize={sorted.length}>
            <WorkspaceItem
              workspace={workspace}
              current={workspace.id === current}
              reached={workspace.id === reached}
              unreachable={unreachable.has(workspace.targetId)}
            />
          </li>
        ))}
        {after > 0 ? <li aria-hidden style={{ height: after }} /> : null}
      </ul>
    </>
  )
}

interface WorkspaceItemProps {
  readonly workspace: Workspace
  readonly current: boolean
  /** Whether the Tab key stops at it; the arrow keys reach all. */
  readonly reached: boolean
  /** Whether its target does not answer. */
  readonly unreachable: boolean
}

const WorkspaceItem = memo(function WorkspaceItem({
  workspace,
  current,
  reached,
  unreachable,
}: WorkspaceItemProps) {
  return (
    <button
      type="button"
      className={styles.item}
      tabIndex={reached ? 0 : -1}
      data-quiet={workspace.state === 'stopped' || undefined}
      aria-current={current ? 'page' : undefined}
      title={`${workspace.name}: ${stateLabel(workspace.state)}, ${workspace.reason}`}
      onClick={() => openWorkspace(workspace.id)}
    >
      <span className={styles.dot}>
        <StateDot tone={workspaceTone(workspace.state, unreachable)} label={stateLabel(workspace.state)} />
      </span>
      <span className={styles.label}>{workspace.name}</span>
    </button>
  )
})

/** A first start that takes longer than this is spoken of, milliseconds. */
const USUAL_START = 2000

/** Says when what is shown may be old, or why nothing is shown yet. Keeps its place, so that nothing moves when it comes and goes. */
function EngineNote() {
  const { state, process } = useConnection()
  const [slow, setSlow] = useState(false)
  useEffect(() => {
    const timer = setTimeout(() => setSlow(true), USUAL_START)
    return () => clearTimeout(timer)
  }, [])
  const text = engineNote(state, process, slow)
  return (
    <div className={styles.note} role="status">
      {text ? (
        <>
          <StateDot tone="busy" />
          {text}
        </>
      ) : null}
    </div>
  )
}
