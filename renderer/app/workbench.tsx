import './mantine'
import { MantineProvider } from '@mantine/core'
import { useDeferredValue, useEffect, useRef, useState } from 'react'
import type { Operation } from '#contract'
import { CreateView } from '../features/create'
import { ConsentDialog } from '../features/credentials'
import { FilesView } from '../features/files'
import { LifecycleDialogs } from '../features/lifecycle'
import { LogsView } from '../features/logs'
import { FirstRunView } from '../features/onboarding'
import { OpenInMenu } from '../features/open-in'
import { FailedCreates, OperationStrip, OperationView } from '../features/operations'
import { PortNotices, PortsView } from '../features/ports'
import { SettingsView } from '../features/settings'
import { PrebuildDialog, StorageView } from '../features/storage'
import { TargetCard, TargetsView } from '../features/targets'
import { TemplatesButton } from '../features/templates'
import { IdleNotices, WorkspaceView } from '../features/workspace'
import { WorkspacesView } from '../features/workspaces'
import { useCollection, useLoaded } from '../lib/hooks'
import { openWorkspace, useNavigation } from '../lib/navigation'
import { Tips } from '../ui/tips'
import { EngineTrouble } from './engine-trouble'
import { ErrorBoundary } from './error-boundary'
import { useGlobalCommands } from './global-commands'
import { Mark } from './mark'
import { Notices } from './notices'
import { useOverlay } from './overlay'
import { CommandPalette } from './palette'
import { part } from './part'
import { retryOf } from './retry'
import { ShortcutsSheet } from './shortcuts-sheet'
import { Skeleton } from './skeleton'
import { theme } from './theme'
import { useWindowEffects } from './window-effects'
import styles from './workbench.module.css'

/**
 * What shows terminals: as much code as all else together. The other features come with this file: the shell hands each
 * file out, and eighty small ones take longer than two large ones.
 */
const terminals = part(
  () => import('../features/terminals'),
  (feature) => feature.TerminalsView,
)

// So that the first click on a workspace does not wait for it. Where it cannot be loaded, the view says so.
terminals.fetch().catch(console.error)

/** Puts the features together: which view is in front, and what lies over it. */
export function Workbench() {
  const overlay = useOverlay((state) => state.overlay)
  useGlobalCommands()
  useWindowEffects()
  return (
    <MantineProvider theme={theme} defaultColorScheme="auto">
      <div className={styles.workbench}>
        <EngineTrouble />
        <div className={styles.view}>
          <View />
        </div>
      </div>
      <Notices />
      <Tips />
      <ErrorBoundary what="Dialogs and notices">
        <LifecycleDialogs />
        <PrebuildDialog />
        <ConsentDialog />
        <PortNotices />
        <IdleNotices />
      </ErrorBoundary>
      {overlay === 'palette' ? <CommandPalette /> : null}
      {overlay === 'shortcuts' ? <ShortcutsSheet /> : null}
    </MantineProvider>
  )
}

function View() {
  const route = useNavigation((state) => state.route)
  const shown = useRef(route)
  useEffect(() => {
    if (shown.current === route) return
    shown.current = route
    // What had the keyboard may have gone with the place before: a terminal, for instance.
    if (document.activeElement === document.body) document.getElementById('content')?.focus()
  }, [route])
  const key = route.view === 'workspace' ? route.workspaceId : route.view
  return (
    <ErrorBoundary key={key} what="This view">
      <Routed />
    </ErrorBoundary>
  )
}

function Routed() {
  const route = useNavigation((state) => state.route)
  switch (route.view) {
    case 'workspaces':
      return <Home />
    case 'create':
      return (
        <CreateView
          key={JSON.stringify(route.asked ?? '')}
          initialText={route.text ?? ''}
          asked={route.asked}
          templates={(slot) => <TemplatesButton {...slot} />}
        />
      )
    case 'workspace':
      return (
        <WorkspaceView
          key={route.workspaceId}
          workspaceId={route.workspaceId}
          tab={route.tab}
          panels={{
            terminals: (workspaceId, active) => (
              <Panel>
                <terminals.View workspaceId={workspaceId} active={active} />
              </Panel>
            ),
            files: (workspaceId) => (
              <Panel>
                <FilesView key={workspaceId} workspaceId={workspaceId} />
              </Panel>
            ),
            ports: (workspaceId) => (
              <Panel>
                <PortsView workspaceId={workspaceId} />
              </Panel>
            ),
            openIn: (workspace) => <OpenInMenu workspace={workspace} />,
            logs: (workspaceId) => (
              <Panel>
                <LogsView workspaceId={workspaceId} />
              </Panel>
            ),
            operation: (operation, inStrip) => (
              <OperationView key={operation.id} inStrip={inStrip} {...operationProps(operation)} />
            ),
            strip: (operation, open, onToggle) => (
              <OperationStrip operation={operation} open={open} onToggle={onToggle} />
            ),
          }}
        />
      )
    case 'targets':
      return <TargetsView />
    case 'storage':
      return (
        <StorageView
          panels={{
            operation: (operation) => <OperationView inStrip {...operationProps(operation)} />,
            strip: (operation, open, onToggle) => (
              <OperationStrip operation={operation} open={open} onToggle={onToggle} />
            ),
          }}
        />
      )
    case 'settings':
      return <SettingsView />
  }
}

/** A part of a view that may break on its own. */
function Panel({ children }: { readonly children: React.ReactNode }) {
  return <ErrorBoundary what="This part">{children}</ErrorBoundary>
}

function operationProps(operation: Operation) {
  return { operation, ...retryOf(operation, openWorkspace) }
}

/** How long a slow target may hold back the welcome, milliseconds. */
const PATIENCE = 1500

/** The list, or the welcome where there is nothing to list. */
function Home() {
  const loaded = useLoaded('workspaces')
  // Drawing many is put off and done in parts: what the user does meanwhile goes before.
  const some = useDeferredValue(useCollection('workspaces').length > 0)
  const connecting = useCollection('targets').some((target) => target.state === 'connecting')
  const [patient, setPatient] = useState(true)
  useEffect(() => {
    const timer = setTimeout(() => setPatient(false), PATIENCE)
    return () => clearTimeout(timer)
  }, [])
  if (!loaded) return <Skeleton />
  // While a target is still being asked, an empty list does not yet mean that there is nothing.
  if (!some && connecting && patient) return <Skeleton />
  return (
    <div className={styles.home}>
      <FailedCreates />
      <div className={styles.view}>
        {some ? (
          <WorkspacesView />
        ) : (
          <FirstRunView mark={<Mark size={30} />} card={(target) => <TargetCard target={target} />} />
        )}
      </div>
    </div>
  )
}
