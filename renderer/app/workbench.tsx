import './mantine'
import { MantineProvider } from '@mantine/core'
import { lazy, Suspense, useEffect, useState } from 'react'
import type { Operation } from '#contract'
import { useCollection, useLoaded } from '../lib/hooks'
import { openWorkspace, useNavigation } from '../lib/navigation'
import { EngineTrouble } from './engine-trouble'
import { ErrorBoundary } from './error-boundary'
import { useGlobalCommands } from './global-commands'
import { Mark } from './mark'
import { Notices } from './notices'
import { useOverlay } from './overlay'
import { CommandPalette } from './palette'
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
  workspace: () => import('../features/workspace'),
  terminals: () => import('../features/terminals'),
  ports: () => import('../features/ports'),
  logs: () => import('../features/logs'),
  targets: () => import('../features/targets'),
  settings: () => import('../features/settings'),
  operations: () => import('../features/operations'),
  lifecycle: () => import('../features/lifecycle'),
}

// Asked for before anything is drawn: one of them is what the user sees first. Where one cannot be loaded, the view
// that needs it says so.
for (const first of [load.workspaces, load.onboarding, load.targets]) first().catch(console.error)

const WorkspacesView = lazy(async () => ({ default: (await load.workspaces()).WorkspacesView }))
const FirstRunView = lazy(async () => ({ default: (await load.onboarding()).FirstRunView }))
const CreateView = lazy(async () => ({ default: (await load.create()).CreateView }))
const WorkspaceView = lazy(async () => ({ default: (await load.workspace()).WorkspaceView }))
const TerminalsView = lazy(async () => ({ default: (await load.terminals()).TerminalsView }))
const PortsView = lazy(async () => ({ default: (await load.ports()).PortsView }))
const LogsView = lazy(async () => ({ default: (await load.logs()).LogsView }))
const TargetsView = lazy(async () => ({ default: (await load.targets()).TargetsView }))
const TargetCard = lazy(async () => ({ default: (await load.targets()).TargetCard }))
const SettingsView = lazy(async () => ({ default: (await load.settings()).SettingsView }))
const OperationView = lazy(async () => ({ default: (await load.operations()).OperationView }))
const FailedCreates = lazy(async () => ({ default: (await load.operations()).FailedCreates }))
const OperationStrip = lazy(async () => ({ default: (await load.operations()).OperationStrip }))
const LifecycleDialogs = lazy(async () => ({ default: (await load.lifecycle()).LifecycleDialogs }))
const PortNotices = lazy(async () => ({ default: (await load.ports()).PortNotices }))

/** Loads what is not yet in view once the window is idle, so that no first click has to wait for code. */
function useRestOfCode(): void {
  useEffect(() => {
    const waiting = requestIdleCallback(() => {
      for (const feature of Object.values(load)) {
        // A part that cannot be loaded says so where it is shown.
        feature().catch((error: unknown) => console.error(error))
      }
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
      <ErrorBoundary what="Dialogs and notices">
        <Suspense>
          <LifecycleDialogs />
          <PortNotices />
        </Suspense>
      </ErrorBoundary>
      {overlay === 'palette' ? <CommandPalette /> : null}
      {overlay === 'shortcuts' ? <ShortcutsSheet /> : null}
    </MantineProvider>
  )
}

function View() {
  const route = useNavigation((state) => state.route)
  const key = route.view === 'workspace' ? route.workspaceId : route.view
  return (
    <ErrorBoundary key={key} what="This view">
      <Suspense fallback={<Skeleton />}>
        <Routed />
      </Suspense>
    </ErrorBoundary>
  )
}

function Routed() {
  const route = useNavigation((state) => state.route)
  switch (route.view) {
    case 'workspaces':
      return <Home />
    case 'create':
      return <CreateView initialText={route.text ?? ''} />
    case 'workspace':
      return (
        <WorkspaceView
          key={route.workspaceId}
          workspaceId={route.workspaceId}
          tab={route.tab}
          panels={{
            terminals: (workspaceId, active) => (
              <Part>
                <TerminalsView workspaceId={workspaceId} active={active} />
              </Part>
            ),
            ports: (workspaceId) => (
              <Part>
                <PortsView workspaceId={workspaceId} />
              </Part>
            ),
            logs: (workspaceId) => (
              <Part>
                <LogsView workspaceId={workspaceId} />
              </Part>
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

/** A part of a view that may break or load on its own. */
function Part({ children }: { readonly children: React.ReactNode }) {
  return (
    <ErrorBoundary what="This part">
      <Suspense>{children}</Suspense>
    </ErrorBoundary>
  )
}

function operationProps(operation: Operation) {
  return { operation, ...retryOf(operation, openWorkspace) }
}

/** How long a slow target may hold back the welcome, milliseconds. */
const PATIENCE = 1500

/** The list, or the welcome where there is nothing to list. */
function Home() {
  const loaded = useLoaded('workspaces')
  const some = useCollection('workspaces').length > 0
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
      <Suspense>
        <FailedCreates />
      </Suspense>
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
