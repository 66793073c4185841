import { Button } from '@mantine/core'
import { IconLayoutColumns, IconPlus, IconTerminal2 } from '@tabler/icons-react'
import { useCallback, useEffect, useMemo, useRef, useState } from 'react'
import type { Problem } from '#contract'
import { deniedProblem } from '#contract/denied'
import type { Pane } from '#contract/pane-tree'
import { isMac } from '../../lib/bridge'
import { request } from '../../lib/engine'
import { useCollection, useLoaded, useRecord, useSettings } from '../../lib/hooks'
import { chordLabels } from '../../lib/keys'
import { notifyProblem } from '../../lib/notify'
import { ProblemView } from '../../lib/problem-view'
import { EmptyState } from '../../ui/empty-state'
import { IconButton } from '../../ui/icon-button'
import {
  bringToFront,
  changeTab,
  type Front,
  frontOf,
  hasRoom,
  keepTabs,
  moveOut,
  moveTab,
  putBeside,
  recentOf,
  tabsOf,
  useTabs,
} from './arrangement'
import { greetingFor } from './greeting'
import { guessSize } from './guess-size'
import { paneKeys, usePaneCommands } from './pane-commands'
import { evenOutAll, layOut, neighbour, nudge, type Side } from './panes'
import { keepOnly } from './screens'
import { ServiceMenu } from './service-menu'
import { TabBar } from './tab-bar'
import { TabPanes } from './tab-panes'
import { TaskMenu } from './task-menu'
import styles from './terminals.module.css'
import { useClosing } from './use-closing'
import { terminalKeys, useTerminalCommands } from './use-commands'
import { useScheme } from './use-scheme'

interface TerminalsViewProps {
  readonly workspaceId: string
  /** Whether it is in front; behind another tab it stays as it is and takes no keys. */
  readonly active: boolean
}

/** Runs of workspaces for which this window has opened the first terminal by itself. */
const greeted = new Set<string>()

/** The terminals of one workspace, in tabs that may be split. */
export function TerminalsView({ workspaceId, active }: TerminalsViewProps) {
  const workspace = useRecord('workspaces', workspaceId)
  const loaded = useLoaded('sessions')
  const all = useCollection('sessions')
  const settings = useSettings()?.terminal
  const scheme = useScheme()
  const arrangement = useTabs(workspaceId)
  const [searching, setSearching] = useState<string | undefined>()
  const [focusTurn, setFocusTurn] = useState(0)
  const [opening, setOpening] = useState(false)
  const [awaited, setAwaited] = useState<string | undefined>()
  const [problem, setProblem] = useState<Problem | undefined>()
  const [renaming, setRenaming] = useState<string | undefined>()
  const last = useRef<Front | undefined>(undefined)
  const area = useRef<HTMLDivElement>(null)
  const focus = useCallback(() => setFocusTurn((turn) => turn + 1), [])

  const { order, splits } = arrangement
  const tasks = workspace?.definition.tasks
  const [sessions, tabs] = useMemo(() => {
    const own = all.filter((session) => session.workspaceId === workspaceId)
    const kept = { ...(order && { order }), ...(splits && { splits }) }
    return [new Map(own.map((session) => [session.id, session])), tabsOf(own, kept, tasks)] as const
  }, [all, workspaceId, order, splits, tasks])
  /** For what is answered later. */
  const tabsNow = useRef(tabs)
  tabsNow.current = tabs
  const front = frontOf(tabs, arrangement.front, last.current)
  last.current = front
  const denied = deniedProblem(useRecord('targets', workspace?.targetId), 'terminals')
  const running = workspace?.state === 'running' && !denied
  const closing = useClosing([...sessions.values()], focus)

  useEffect(() => {
    if (loaded) keepOnly(new Set(all.map(({ id }) => id)))
  }, [all, loaded])

  /** @param place where it is opened in a tab that is there, in the same container as the one beside it */
  const open = useCallback(
    async (
      how: 'sessions.create' | 'sessions.greet',
      place?: { beside: string; side: Side; service?: string },
    ) => {
      setOpening(true)
      setProblem(undefined)
      const input = { workspaceId, ...guessSize(area.current, settings, place) }
      const { service } = place ?? {}
      const result = await (how === 'sessions.greet' || service === undefined
        ? request(how, input)
        : request(how, { ...input, service }))
      setOpening(false)
      if (result.ok) {
        const session = result.value.sessionId
        if (place) putBeside(workspaceId, tabsNow.current, { session, ...place })
        bringToFront(workspaceId, session)
        setAwaited(session)
        focus()
      } else setProblem(result.problem)
    },
    [workspaceId, settings, focus],
  )

  const rename = useCallback(
    async (sessionId: string, title: string) => {
      // A task is known by its name: where it is is written down before it has another one.
      keepTabs(workspaceId, tabsNow.current)
      const result = await request('sessions.rename', { sessionId, title })
      if (!result.ok) notifyProblem(result.problem)
    },
    [workspaceId],
  )

  // The first terminal of a run opens by itself: it is what the user came for.
  const run = running && loaded && settings ? `${workspaceId} ${workspace.incarnation ?? ''}` : undefined
  const greets = greetingFor([...sessions.values()])
  const greeting = run !== undefined && active && !greeted.has(run) && greets === 'yes'
  useEffect(() => {
    if (!run || !active || greets === 'later') return
    greeted.add(run)
    if (greeting) void open('sessions.greet')
  }, [run, active, greeting, greets, open])
  // The answer is here before the list has it: until then there is none to be seen, and no other to be offered.
  const isAwaited = awaited !== undefined && !sessions.has(awaited)
  useEffect(() => {
    if (awaited !== undefined && !isAwaited) setAwaited(undefined)
  }, [awaited, isAwaited])
  const isOpening = opening || greeting || isAwaited

  const bring = (sessionId: string) => {
    bringToFront(workspaceId, sessionId)
    focus()
  }
  const bringTab = (tabId: string) => {
    const tab = tabs.find(({ id }) => id === tabId)
    if (tab) bring(recentOf(tab))
  }
  const canOpen = running && !isOpening
  const split =
    canOpen && settings
      ? (beside: string, side: Side) => {
          const { service } = sessions.get(beside) ?? {}
          void open('sessions.create', { beside, side, ...(service !== undefined && { service }) })
        }
      : undefined
  const change = (pane: Pane) => {
    if (front) changeTab(workspaceId, tabs, front.tab.id, pane)
  }
  const moveFront = (tabId: string, before: string | undefined) => moveTab(workspaceId, tabs, tabId, before)
  const onLeft = front && tabs[front.index - 1]

  useTerminalCommands({
    active,
    running,
    tabs: tabs.map(({ id }) => id),
    front: front && { tab: front.tab.id, session: front.session },
    settings,
    onFront: bringTab,
    onOpen: () => void open('sessions.create'),
    onClose: (sessionId) => void closing.close([sessionId]),
    onRename: setRenaming,
    onMove: moveFront,
    onSearch: setSearching,
    onLeave: () => {
      const tab = area.current?.querySelector<HTMLElement>('[role=tab][aria-selected=true]')
      const isInTerminal = area.current?.contains(document.activeElement?.closest('.xterm') ?? null)
      if (isInTerminal) tab?.focus()
      else focus()
    },
  })
  usePaneCommands({
    canSplit: active && canOpen && hasRoom(front?.tab),
    isSplit: active && front !== undefined && front.tab.sessions.length > 1,
    canJoin: active && front?.tab.sessions.length === 1 && hasRoom(onLeft),
    onSplit: (side) => {
      if (front) split?.(front.session, side)
    },
    onFocus: (side) => {
      const next = front && neighbour(layOut(front.tab.pane), front.session, side)
      if (next !== undefined) bring(next)
    },
    onResize: (side) => {
      if (front) change(nudge(front.tab.pane, front.session, side))
    },
    onEven: () => {
      if (front) change(evenOutAll(front.tab.pane))
    },
    onOut: () => {
      if (front) moveOut(workspaceId, tabs, front.session)
    },
    onJoin: () => {
      const beside = onLeft?.sessions.at(-1)
      if (!front || beside === undefined) return
      putBeside(workspaceId, tabs, { session: front.session, beside, side: 'right' })
      focus()
    },
  })

  return (
    <div className={styles.view} ref={area}>
      {front ? (
        <TabBar
          tabs={tabs.map((tab) => ({
            id: tab.id,
            sessions: tab.sessions.flatMap((id) => sessions.get(id) ?? []),
            recent: tab === front.tab ? front.session : recentOf(tab),
            direction: typeof tab.pane === 'string' ? undefined : tab.pane.direction,
            canSplit: hasRoom(tab),
          }))}
          front={front.tab.id}
          canAdd={canOpen}
          addHint={hint('New terminal', terminalKeys().open)}
          onFront={bringTab}
          onAdd={() => void open('sessions.create')}
          more={
            <>
              <IconButton
                label={hint('Split terminal to the right', paneKeys().right)}
                disabled={!split || !hasRoom(front.tab)}
                onClick={() => split?.(front.session, 'right')}
              >
                <IconLayoutColumns size={15} />
              </IconButton>
              {running && workspace ? (
                <>
                  <TaskMenu workspace={workspace} />
                  <ServiceMenu workspace={workspace} />
                </>
              ) : null}
            </>
          }
          onClose={(sessionIds) => void closing.close(sessionIds)}
          renaming={renaming}
          onRenaming={setRenaming}
          onRename={(sessionId, title) => void rename(sessionId, title)}
          onRenamed={focus}
          onMove={moveFront}
          onSplit={split}
        />
      ) : null}
      {denied ? (
        <div className={styles.problem}>
          <ProblemView problem={denied} tone="warning" />
        </div>
      ) : null}
      {problem ? (
        <div className={styles.problem}>
          <ProblemView
            problem={problem}
            // What an image has does not change.
            onRetry={problem.code === 'no-shell' ? undefined : () => void open('sessions.create')}
          />
        </div>
      ) : null}
      {front && settings ? (
        active ? (
          <TabPanes
            front={front}
            sessions={sessions}
            settings={settings}
            scheme={scheme}
            focusTurn={focusTurn}
            searching={searching}
            onSearching={setSearching}
            renaming={renaming}
            onRenaming={setRenaming}
            onRename={(sessionId, title) => void rename(sessionId, title)}
            onNew={running ? () => void open('sessions.create') : undefined}
            onSplit={hasRoom(front.tab) ? split : undefined}
            onOut={(sessionId) => {
              moveOut(workspaceId, tabs, sessionId)
              bring(sessionId)
            }}
            onClose={(sessionId) => void closing.close([sessionId])}
            onChange={change}
            onEnter={(sessionId) => bringToFront(workspaceId, sessionId)}
            onFocus={focus}
          />
        ) : null
      ) : loaded && !problem && !denied ? (
        <EmptyState
          icon={<IconTerminal2 size={20} />}
          title={isOpening ? 'Opening a terminal…' : 'No terminals'}
          actions={
            isOpening ? undefined : (
              <Button
                leftSection={<IconPlus size={14} />}
                disabled={!running}
                onClick={() => void open('sessions.create')}
              >
                New terminal
              </Button>
            )
          }
        >
          {isOpening
            ? null
            : `A terminal runs the login shell of the workspace. It goes on when ${
                settings?.keep ? 'Berth is closed or cut off' : 'you close the window'
              }.`}
        </EmptyState>
      ) : null}
      {closing.dialog}
    </div>
  )
}

/** A button's name with its keys. */
function hint(name: string, chord: string): string {
  return `${name} (${chordLabels(chord, isMac()).join(isMac() ? '' : '+')})`
}
