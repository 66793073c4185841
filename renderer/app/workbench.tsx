import './mantine'
import { MantineProvider } from '@mantine/core'
import {
  type ComponentType,
  createElement,
  type ElementType,
  lazy,
  Suspense,
  useDeferredValue,
  useEffect,
  useRef,
  useState,
} from 'react'
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

/** Fetches each part's code, so that it is there when the part is drawn. */
const fetches: (() => Promise<unknown>)[] = []

/**
 * A part of the window whose code comes when it is needed. Drawn at once where the code is there already: a promise,
 * even one that is kept, would show the skeleton for a moment.
 */
function part<M, P extends object>(
  fetch: () => Promise<M>,
  pick: (feature: M) => ComponentType<P>,
): ComponentType<P> {
  let there: ComponentType<P> | undefined
  const get = async () => {
    there = pick(await fetch())
    return { default: there }
  }
  fetches.push(get)
  const Later = lazy(get)
  // biome-ignore lint/correctness/noComponentHookFactories: made once per part, when this module is loaded
  return function Part(props: P) {
    // The same for as long as it is in view, or it would begin anew in the middle.
    const [drawn] = useState<ElementType>(() => there ?? Later)
    return createElement(drawn, props)
  }
}

const WorkspacesView = part(load.workspaces, (feature) => feature.WorkspacesView)
const FirstRunView = part(load.onboarding, (feature) => feature.FirstRunView)
const CreateView = part(load.create, (feature) => feature.CreateView)
const WorkspaceView = part(load.workspace, (feature) => feature.WorkspaceView)
const IdleNotices = part(load.workspace, (feature) => feature.IdleNotices)
const TerminalsView = part(load.terminals, (feature) => feature.TerminalsView)
const FilesView = part(load.files, (feature) => feature.FilesView)
const PortsView = part(load.ports, (feature) => feature.PortsView)
const OpenInMenu = part(load.openIn, (feature) => feature.OpenInMenu)
const LogsView = part(load.logs, (feature) => feature.LogsView)
const TargetsView = part(load.targets, (feature) => feature.TargetsView)
const TargetCard = part(load.targets, (feature) => feature.TargetCard)
const SettingsView = part(load.settings, (feature) => feature.SettingsView)
const OperationView = part(load.operations, (feature) => feature.OperationView)
const FailedCreates = part(load.operations, (feature) => feature.FailedCreates)
const OperationStrip = part(load.operations, (feature) => feature.OperationStrip)
const LifecycleDialogs = part(load.lifecycle, (feature) => feature.LifecycleDialogs)
const ConsentDialog = part(load.credentials, (feature) => feature.ConsentDialog)
const PortNotices = part(load.ports, (feature) => feature.PortNotices)

/** Loads what is not yet in view once the window is idle, so that no first click has to wait for code. */
function useRestOfCode(): void {
  useEffect(() => {
    const waiting = requestIdleCallback(() => {
      for (const get of fetches) {
        // A part that cannot be loaded says so where it is shown.
        get().catch((error: unknown) => console.error(error))
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
      <Tips />
      <ErrorBoundary what="Dialogs and notices">
        <Suspense>
          <LifecycleDialogs />
          <ConsentDialog />
          <PortNotices />
          <IdleNotices />
        </Suspense>
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
              <Part>
                <TerminalsView workspaceId={workspaceId} active={active} />
              </Part>
            ),
            files: (workspaceId) => (
              <Part>
                <FilesView key={workspaceId} workspaceId={workspaceId} />
              </Part>
            ),
            ports: (workspaceId) => (
              <Part>
                <PortsView workspaceId={workspaceId} />
              </Part>
            ),
            openIn: (workspace) => (
              <Suspense>
                <OpenInMenu workspace={workspace} />
              </Suspense>
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
