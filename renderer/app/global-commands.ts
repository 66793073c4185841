import { useDeferredValue, useMemo } from 'react'
import { openTemplates } from '../features/templates'
import { type Command, useCommands } from '../lib/commands'
import { sortedByName, stateLabel } from '../lib/format'
import { useCollection } from '../lib/hooks'
import { askFor, possibleVerbs, runningOperation, type WorkspaceVerb } from '../lib/lifecycle'
import { goBack, goForward, navigate, openWorkspace, useNavigation, workspaceTabs } from '../lib/navigation'
import { askForPrebuild } from '../lib/prebuilds'
import { useOverlay } from './overlay'

const general: readonly Command[] = [
  {
    id: 'palette',
    title: 'Search commands and workspaces',
    group: 'General',
    keys: ['mod+k', 'mod+shift+p'],
    inTerminal: false,
    hidden: true,
    run: () => useOverlay.setState({ overlay: 'palette' }),
  },
  {
    id: 'palette.terminal',
    title: 'The same, while in a terminal',
    group: 'General',
    keys: ['mod+shift+p'],
    inTerminal: true,
    hidden: true,
    run: () => useOverlay.setState({ overlay: 'palette' }),
  },
  {
    id: 'create',
    title: 'New workspace',
    group: 'General',
    keys: ['mod+n'],
    words: 'create git clone folder image',
    run: () => navigate({ view: 'create' }),
  },
  {
    id: 'template',
    title: 'New from template…',
    group: 'General',
    words: 'create repository starter example',
    run: openTemplates,
  },
  {
    id: 'prebuild',
    title: 'New prebuild…',
    group: 'General',
    words: 'create image repository ahead fast',
    run: () => askForPrebuild(),
  },
  {
    id: 'workspaces',
    title: 'All workspaces',
    group: 'Go to',
    keys: ['mod+shift+e'],
    inTerminal: true,
    words: 'home list',
    run: () => navigate({ view: 'workspaces' }),
  },
  {
    id: 'targets',
    title: 'Targets',
    group: 'Go to',
    words: 'docker kubernetes contexts engines clusters',
    run: () => navigate({ view: 'targets' }),
  },
  {
    id: 'storage',
    title: 'Storage',
    group: 'Go to',
    words: 'prebuilds snapshots data disk deleted orphans',
    run: () => navigate({ view: 'storage' }),
  },
  {
    id: 'settings',
    title: 'Settings',
    group: 'Go to',
    keys: ['mod+,'],
    inTerminal: true,
    words: 'preferences theme font doctor check machine',
    run: () => navigate({ view: 'settings' }),
  },
  { id: 'back', title: 'Back', group: 'Go to', keys: ['alt+arrowleft'], run: goBack },
  { id: 'forward', title: 'Forward', group: 'Go to', keys: ['alt+arrowright'], run: goForward },
  {
    id: 'shortcuts',
    title: 'Keyboard shortcuts',
    group: 'General',
    keys: ['?'],
    words: 'keys help',
    run: () => useOverlay.setState({ overlay: 'shortcuts' }),
  },
]

const tabTitles = { terminals: 'Terminals', ports: 'Ports', files: 'Files', logs: 'Logs', details: 'Details' }

const verbTitles: Record<WorkspaceVerb, string> = {
  start: 'Start',
  stop: 'Stop…',
  'force-stop': 'End by force…',
  restart: 'Restart…',
  rebuild: 'Rebuild…',
  rename: 'Rename…',
  grow: 'Grow its volume…',
  delete: 'Delete…',
}

/** What can be done from everywhere, and with the workspace in view. */
export function useGlobalCommands(): void {
  const workspaces = useDeferredValue(useCollection('workspaces'))
  const operations = useCollection('operations')
  const current = useNavigation(({ route }) => (route.view === 'workspace' ? route.workspaceId : undefined))
  useCommands(general)
  const jumps = useMemo(() => {
    const sorted = sortedByName(workspaces)
    const opens: Command[] = sorted.map((workspace) => ({
      id: `open ${workspace.id}`,
      title: workspace.name,
      group: 'Workspaces',
      hint: stateLabel(workspace.state),
      words: `open go ${workspace.reason}`,
      run: () => openWorkspace(workspace.id),
    }))
    const step = (by: 1 | -1) => () => {
      const index = sorted.findIndex((workspace) => workspace.id === current)
      const next = sorted[(index + by + sorted.length) % sorted.length]
      if (next) openWorkspace(next.id)
    }
    const walks: Command[] = [
      {
        id: 'next',
        title: 'Next workspace',
        group: 'Go to',
        keys: ['mod+shift+arrowdown'],
        inTerminal: true,
        run: step(1),
      },
      {
        id: 'previous',
        title: 'Previous workspace',
        group: 'Go to',
        keys: ['mod+shift+arrowup'],
        inTerminal: true,
        run: step(-1),
      },
    ]
    return [...opens, ...walks]
  }, [workspaces, current])
  useCommands(jumps)
  const here = useMemo(() => {
    const workspace = workspaces.find((one) => one.id === current)
    if (!workspace) return []
    const { id, name } = workspace
    const tabs: Command[] = workspaceTabs.map((tab, index) => ({
      id: `tab ${tab}`,
      title: tabTitles[tab],
      group: name,
      keys: [`mod+${index + 1}`],
      inTerminal: true,
      run: () => openWorkspace(id, tab),
    }))
    const verbs = possibleVerbs(workspace, runningOperation(operations, id) !== undefined)
    const actions: Command[] = [...verbs].map((verb) => ({
      id: `verb ${verb}`,
      title: verbTitles[verb],
      group: name,
      run: () => askFor(verb, id),
    }))
    return [...tabs, ...actions]
  }, [workspaces, operations, current])
  useCommands(here)
}
