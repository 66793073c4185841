import { Button, Menu, Tabs } from '@mantine/core'
import {
  IconAffiliate,
  IconDots,
  IconFileText,
  IconFolder,
  IconInfoCircle,
  IconPlayerPlay,
  IconPlayerStop,
  IconPlugConnectedX,
  IconTerminal2,
} from '@tabler/icons-react'
import { type ReactNode, useEffect, useState } from 'react'
import type { Operation, Workspace } from '#contract'
import { formatSource, reasonText, stateLabel } from '../../lib/format'
import { useCollection, useLoaded, useNow, useRecord, useUnreachable } from '../../lib/hooks'
import { askFor, latestOperation, possibleVerbs } from '../../lib/lifecycle'
import { leaveWorkspace, navigate, openWorkspace, type WorkspaceTab } from '../../lib/navigation'
import { notify } from '../../lib/notify'
import { ProblemView } from '../../lib/problem-view'
import { workspaceTone } from '../../lib/tone'
import { WorkspaceMenuItems } from '../../lib/workspace-menu'
import { EmptyState } from '../../ui/empty-state'
import { IconButton } from '../../ui/icon-button'
import { StateDot } from '../../ui/state-dot'
import { Details } from './details'
import { IdleBanner } from './idle-banner'
import { useDiagnosis } from './use-diagnosis'
import styles from './workspace.module.css'

/** What other features show inside a workspace's view. */
export interface WorkspacePanels {
  readonly terminals: (workspaceId: string, active: boolean) => ReactNode
  readonly files: (workspaceId: string) => ReactNode
  readonly ports: (workspaceId: string) => ReactNode
  readonly logs: (workspaceId: string) => ReactNode
  readonly openIn: (workspace: Workspace) => ReactNode
  readonly operation: (operation: Operation, inStrip: boolean) => ReactNode
  readonly strip: (operation: Operation, open: boolean, onToggle: () => void) => ReactNode
}

interface WorkspaceViewProps {
  readonly workspaceId: string
  readonly tab: WorkspaceTab
  readonly panels: WorkspacePanels
}

/** One workspace: how it is, what can be done with it, and what is in it. */
export function WorkspaceView({ workspaceId, tab, panels }: WorkspaceViewProps) {
  const workspace = useRecord('workspaces', workspaceId)
  const loaded = useLoaded('workspaces')
  const operation = latestOperation(useCollection('operations'), workspaceId)
  const deleted = !workspace && operation?.kind === 'delete' && operation.state === 'succeeded'
  useEffect(() => {
    if (!deleted) return
    // Its view shows nothing any more; the user saw it go and is told so where they land.
    leaveWorkspace(workspaceId)
    notify({ tone: 'good', title: `Deleted ${operation.workspaceName}` })
  }, [deleted, workspaceId, operation?.workspaceName])
  if (deleted) return null
  if (!workspace || workspace.state === 'creating') {
    if (operation) return <div className={styles.scroll}>{panels.operation(operation, false)}</div>
    if (!workspace) return loaded ? <Gone /> : null
  }
  return <Present workspace={workspace} operation={operation} tab={tab} panels={panels} />
}

function Gone() {
  return (
    <EmptyState
      icon={<IconPlugConnectedX size={20} />}
      title="This workspace is gone"
      actions={
        <Button variant="default" onClick={() => navigate({ view: 'workspaces' })}>
          All workspaces
        </Button>
      }
    >
      It was deleted, here or with another tool, or its target no longer shows it.
    </EmptyState>
  )
}

interface PresentProps {
  readonly workspace: Workspace
  readonly operation: Operation | undefined
  readonly tab: WorkspaceTab
  readonly panels: WorkspacePanels
}

function Present({ workspace, operation, tab, panels }: PresentProps) {
  // A failure unfolds by itself; what the user did with it goes over that.
  const [toggled, setToggled] = useState<{ readonly id: string; readonly open: boolean } | undefined>()
  const sessions = useCollection('sessions').filter((session) => session.workspaceId === workspace.id)
  const livePorts = useCollection('ports').filter(
    (port) => port.workspaceId === workspace.id && port.state === 'live',
  )
  const unfolded =
    operation !== undefined && (toggled?.id === operation.id ? toggled.open : operation.state === 'failed')
  const running = workspace.state === 'running'
  // Read once per visit, so that nothing moves by itself while the user is at work below it.
  const [openedAt] = useState(() => Date.now())
  const shown = operation !== undefined && deservesStrip(operation, openedAt)
  const nothingToShow = !running && sessions.length === 0
  return (
    <div className={styles.view}>
      <Header workspace={workspace} busy={operation?.state === 'running'} openIn={panels.openIn(workspace)} />
      <IdleBanner workspace={workspace} />
      {operation && shown
        ? panels.strip(operation, unfolded, () => setToggled({ id: operation.id, open: !unfolded }))
        : null}
      {operation && shown && unfolded ? (
        <div className={styles.steps}>{panels.operation(operation, true)}</div>
      ) : null}
      <Tabs
        className={styles.tabs}
        value={tab}
        onChange={(value) => openWorkspace(workspace.id, value as WorkspaceTab)}
        keepMounted={false}
      >
        <Tabs.List className={styles.tabList} aria-label={`Views of ${workspace.name}`}>
          <Tabs.Tab value="terminals" leftSection={<IconTerminal2 size={15} />}>
            Terminals
          </Tabs.Tab>
          <Tabs.Tab
            value="ports"
            leftSection={<IconAffiliate size={15} />}
            rightSection={
              livePorts.length > 0 ? (
                <span className={styles.count}>
                  {livePorts.length}
                  <span className="visually-hidden"> live</span>
                </span>
              ) : undefined
            }
          >
            Ports
          </Tabs.Tab>
          <Tabs.Tab value="files" leftSection={<IconFolder size={15} />}>
            Files
          </Tabs.Tab>
          <Tabs.Tab value="logs" leftSection={<IconFileText size={15} />}>
            Logs
          </Tabs.Tab>
          <Tabs.Tab value="details" leftSection={<IconInfoCircle size={15} />}>
            Details
          </Tabs.Tab>
        </Tabs.List>
        {/* Stays mounted while another tab is in front, so that coming back costs nothing. */}
        <Tabs.Panel value="terminals" keepMounted className={styles.panel}>
          {nothingToShow ? (
            <AtRest
              workspace={workspace}
              busy={operation?.state === 'running'}
              told={shown && unfolded && operation?.state === 'failed'}
            />
          ) : (
            panels.terminals(workspace.id, tab === 'terminals')
          )}
        </Tabs.Panel>
        <Tabs.Panel value="files" className={styles.panel}>
          {panels.files(workspace.id)}
        </Tabs.Panel>
        <Tabs.Panel value="ports" className={styles.panel}>
          {panels.ports(workspace.id)}
        </Tabs.Panel>
        <Tabs.Panel value="logs" className={styles.panel}>
          {panels.logs(workspace.id)}
        </Tabs.Panel>
        <Tabs.Panel value="details" className={styles.panel}>
          <Details workspace={workspace} />
        </Tabs.Panel>
      </Tabs>
    </div>
  )
}

/** How long the success of a creation or rebuild is still told to who comes to the workspace, milliseconds. */
const NEWS = 60_000

/** What runs and what failed is shown; of what went well only what made the workspace, and only while it is news. */
function deservesStrip({ kind, state, endedAt }: Operation, openedAt: number): boolean {
  if (state === 'running' || state === 'failed') return true
  const made = kind === 'create' || kind === 'rebuild'
  return state === 'succeeded' && made && (endedAt ?? 0) > openedAt - NEWS
}

interface HeaderProps {
  readonly workspace: Workspace
  readonly busy: boolean
  readonly openIn: ReactNode
}

function Header({ workspace, busy, openIn }: HeaderProps) {
  const verbs = possibleVerbs(workspace, busy)
  const now = useNow(30_000)
  const unreachable = useUnreachable().has(workspace.targetId)
  return (
    <header className={styles.header}>
      <div className={styles.titles}>
        <h1 className={styles.name} title={workspace.name}>
          {workspace.name}
        </h1>
        <div className={styles.state} role="status">
          <StateDot tone={workspaceTone(workspace.state, unreachable)} />
          <span className={styles.stateName}>{stateLabel(workspace.state)}</span>
          <span className={styles.reason} title={workspace.reason}>
            {reasonText(workspace, now)}
          </span>
          <span className={styles.source} title={formatSource(workspace.source)}>
            {formatSource(workspace.source)}
          </span>
        </div>
      </div>
      <div className={styles.actions}>
        {openIn}
        {workspace.state === 'running' ||
        (verbs.has('stop') && !verbs.has('start')) ||
        workspace.state === 'stopping' ? (
          <Button
            variant="default"
            leftSection={<IconPlayerStop size={14} />}
            disabled={!verbs.has('stop')}
            onClick={() => askFor('stop', workspace.id)}
          >
            Stop
          </Button>
        ) : (
          <Button
            leftSection={<IconPlayerPlay size={14} />}
            disabled={!verbs.has('start')}
            onClick={() => askFor('start', workspace.id)}
          >
            Start
          </Button>
        )}
        <Menu>
          <Menu.Target>
            <IconButton label="Workspace actions">
              <IconDots size={16} />
            </IconButton>
          </Menu.Target>
          <Menu.Dropdown>
            <WorkspaceMenuItems workspace={workspace} verbs={verbs} />
          </Menu.Dropdown>
        </Menu>
      </div>
    </header>
  )
}

/** What stands in place of the terminals while there can be none. */
interface AtRestProps {
  readonly workspace: Workspace
  /** What went wrong already stands above, with its remedy. */
  readonly told: boolean
  readonly busy: boolean
}

function AtRest({ workspace, told, busy }: AtRestProps) {
  const [found] = useDiagnosis(workspace, busy)
  const problem = (workspace.state === 'failed' ? workspace.problem : undefined) ?? found
  if (problem && !told) {
    return (
      <div className={styles.problem}>
        <ProblemView problem={problem} />
      </div>
    )
  }
  if (workspace.state === 'stopped') {
    return (
      <EmptyState
        icon={<IconPlayerStop size={20} />}
        title={`${workspace.name} is stopped`}
        actions={
          <Button leftSection={<IconPlayerPlay size={14} />} onClick={() => askFor('start', workspace.id)}>
            Start
          </Button>
        }
      >
        {reasonText(workspace, 0) ? `${workspace.reason}. ` : ''}Its source and home folder are kept.
      </EmptyState>
    )
  }
  return (
    <EmptyState icon={<StateDot tone={workspaceTone(workspace.state)} />} title={stateLabel(workspace.state)}>
      {reasonText(workspace, 0)}
    </EmptyState>
  )
}
