import './mantine'
import { MantineProvider } from '@mantine/core'
import { useDeferredValue, useEffect, useRef, useState } from 'react'
import type { Operation } from '#contract'
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
import { type Part, part } from './part'
import { retryOf } from './retry'
import { ShortcutsSheet } from './shortcuts-sheet'
import { Skeleton } from './skeleton'
import { theme } from './theme'
import { useWindowEffects } from './window-effects'
import styles from './workbench.module.css'

const load = {
  workspaces: () => import('../features/workspaces'),
  onboarding: () => import('../features/onboarding'),
  create: () => import('../features/create'),
  workspace: () => {
    // What it shows first, in most cases. Where it cannot be loaded, the view says so.
    load.terminals().catch(() => undefined)
    return import('../features/workspace')
  },
  terminals: () => import('../features/terminals'),
  files: () => import('../features/files'),
  ports: () => import('../features/ports'),
  logs: () => import('../features/logs'),
  openIn: () => import('../features/open-in'),
  targets: () => import('../features/targets'),
  settings: () => import('../features/settings'),
  operations: () => import('../features/operations'),
  lifecycle: () => import('../features/lifecycle'),
  credentials: () => import('../features/credentials'),
}

// Asked for before anything is drawn: one of them is what the user sees first. Where one cannot be loaded, the view
// that needs it says so.
for (const first of [load.workspaces, load.onboarding, load.targets]) first().catch(console.error)

/** Each part's code, to be fetched so that it is there when the part is drawn. */
const fetches: Part<never>['fetch'][] = []

function later<M, P extends object>(...about: Parameters<typeof part<M, P>>): Part<P>['View'] {
  const { View, fetch } = part(...about)
  fetches.push(fetch)
  return View
}

const skeleton = <Skeleton />
const WorkspacesView = later(load.workspaces, (feature) => feature.WorkspacesView, skeleton)
const FirstRunView = later(load.onboarding, (feature) => feature.FirstRunView, skeleton)
const CreateView = later(load.create, (feature) => feature.CreateView, skeleton)
const WorkspaceView = later(load.workspace, (feature) => feature.WorkspaceView, skeleton)
const IdleNotices = later(load.workspace, (feature) => feature.IdleNotices)
const TerminalsView = later(load.terminals, (feature) => feature.TerminalsView)
const FilesView = later(load.files, (feature) => feature.FilesView)
const PortsView = later(load.ports, (feature) => feature.PortsView)
const OpenInMenu = later(load.openIn, (feature) => feature.OpenInMenu)
const LogsView = later(load.logs, (feature) => feature.LogsView)
const TargetsView = later(load.targets, (feature) => feature.TargetsView, skeleton)
const TargetCard = later(load.targets, (feature) => feature.TargetCard)
const SettingsView = later(load.settings, (feature) => feature.SettingsView, skeleton)
const OperationView = later(load.operations, (feature) => feature.OperationView)
const FailedCreates = later(load.operations, (feature) => feature.FailedCreates)
const OperationStrip = later(load.operations, (feature) => feature.OperationStrip)
const LifecycleDialogs = later(load.lifecycle, (feature) => feature.LifecycleDialogs)
const ConsentDialog = later(load.credentials, (feature) => feature.ConsentDialog)
const PortNotices = later(load.ports, (feature) => feature.PortNotices)

/** Loads what is not yet in view once the window is idle, so that no first click has to wait for code. */
function useRestOfCode(): void {
  useEffect(() => {
    const waiting = requestIdleCallback(() => {
      // A part that cannot be loaded says so where it is shown.
      for (const fetch of fetches) fetch().catch((error: unknown) => console.error(error))
    })
    return () => cancelIdleCallback(waiting)
  }, [])
}

/** Puts the features together: which view is in front, and what lies over it. */
export function Workbench() {
  const overlay = useOverlay((state) => state.overlay)
  useGlobalCommands()
  useWindowEffects()
  useRestOfCode()
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
                <TerminalsView workspaceId={workspaceId} active={active} />
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
