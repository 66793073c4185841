import { Button } from '@mantine/core'
import { IconPlus, IconTerminal2 } from '@tabler/icons-react'
import { useCallback, useEffect, useMemo, useRef, useState } from 'react'
import type { Problem } from '#contract'
import { deniedProblem } from '#contract/denied'
import { isMac } from '../../lib/bridge'
import { request } from '../../lib/engine'
import { useCollection, useLoaded, useRecord, useSettings } from '../../lib/hooks'
import { chordLabels } from '../../lib/keys'
import { notifyProblem } from '../../lib/notify'
import { ProblemView } from '../../lib/problem-view'
import { EmptyState } from '../../ui/empty-state'
import { arrange, bringToFront, frontOf, moveTab, useTabs } from './arrangement'
import { CloseDialog } from './close-dialog'
import { keepOnly } from './screens'
import { ServiceMenu } from './service-menu'
import { TabBar } from './tab-bar'
import { TaskMenu } from './task-menu'
import { TerminalPane } from './terminal-pane'
import type { TerminalSettings } from './terminal-screen'
import styles from './terminals.module.css'
import { terminalKeys, useTerminalCommands } from './use-commands'
import { useScheme } from './use-scheme'

interface TerminalsViewProps {
  readonly workspaceId: string
  /** Whether it is in front; behind another tab it stays as it is and takes no keys. */
  readonly active: boolean
}

/** Runs of workspaces for which this window has opened the first terminal by itself. */
const greeted = new Set<string>()

/** The terminals of one workspace, in tabs. */
export function TerminalsView({ workspaceId, active }: TerminalsViewProps) {
  const workspace = useRecord('workspaces', workspaceId)
  const loaded = useLoaded('sessions')
  const all = useCollection('sessions')
  const settings = useSettings()?.terminal
  const scheme = useScheme()
  const { front: chosen, order } = useTabs(workspaceId)
  const [searching, setSearching] = useState(false)
  const [focusTurn, setFocusTurn] = useState(0)
  const [opening, setOpening] = useState(false)
  const [awaited, setAwaited] = useState<string | undefined>()
  const [problem, setProblem] = useState<Problem | undefined>()
  const [asked, setAsked] = useState<{ readonly sessionId: string; readonly command: string } | undefined>()
  const [renaming, setRenaming] = useState<string | undefined>()
  const lastIndex = useRef(0)
  const area = useRef<HTMLDivElement>(null)

  const sessions = useMemo(
    () =>
      arrange(
        all.filter((session) => session.workspaceId === workspaceId),
        order,
      ),
    [all, workspaceId, order],
  )
  const front = frontOf(sessions, chosen, lastIndex.current)
  if (front) lastIndex.current = sessions.indexOf(front)
  const denied = deniedProblem(useRecord('targets', workspace?.targetId), 'terminals')
  const running = workspace?.state === 'running' && !denied
  const askedOf = sessions.find(({ id, state }) => id === asked?.sessionId && state !== 'ended')

  useEffect(() => {
    if (loaded) keepOnly(new Set(all.map(({ id }) => id)))
  }, [all, loaded])

  const open = useCallback(
    async (how: 'sessions.create' | 'sessions.greet') => {
      setOpening(true)
      setProblem(undefined)
      const result = await request(how, { workspaceId, ...guessSize(area.current, settings) })
      setOpening(false)
      if (result.ok) {
        bringToFront(workspaceId, result.value.sessionId)
        setAwaited(result.value.sessionId)
        setFocusTurn((turn) => turn + 1)
      } else setProblem(result.problem)
    },
    [workspaceId, settings],
  )

  const end = useCallback(async (sessionId: string) => {
    setAsked(undefined)
    const result = await request('sessions.close', { sessionId })
    if (!result.ok && result.problem.code !== 'not-found') notifyProblem(result.problem)
    setFocusTurn((turn) => turn + 1)
  }, [])

  /** Asks first where something would end with it; what cannot be known keeps nobody from closing. */
  const close = useCallback(
    async (sessionId: string) => {
      const result = await request('sessions.foreground', { sessionId })
      const process = result.ok ? result.value.process : undefined
      if (process) setAsked({ sessionId, command: process.command })
      else await end(sessionId)
    },
    [end],
  )

  const rename = useCallback(async (sessionId: string, title: string) => {
    const result = await request('sessions.rename', { sessionId, title })
    if (!result.ok) notifyProblem(result.problem)
  }, [])

  // The first terminal of a run opens by itself: it is what the user came for.
  const run = running && loaded && settings ? `${workspaceId} ${workspace.incarnation ?? ''}` : undefined
  const greeting =
    run !== undefined && active && !greeted.has(run) && sessions.every((session) => session.state === 'ended')
  useEffect(() => {
    if (!run || !active) return
    greeted.add(run)
    if (greeting) void open('sessions.greet')
  }, [run, active, greeting, open])
  // The answer is here before the list has it: until then there is none to be seen, and no other to be offered.
  const isAwaited = awaited !== undefined && !sessions.some(({ id }) => id === awaited)
  useEffect(() => {
    if (awaited !== undefined && !isAwaited) setAwaited(undefined)
  }, [awaited, isAwaited])
  const isOpening = opening || greeting || isAwaited

  useTerminalCommands({
    active,
    running,
    sessions: sessions.map(({ id }) => id),
    front: front?.id,
    settings,
    onFront: (sessionId) => {
      bringToFront(workspaceId, sessionId)
      setFocusTurn((turn) => turn + 1)
    },
    onOpen: () => void open('sessions.create'),
    onClose: (sessionId) => void close(sessionId),
    onRename: setRenaming,
    onMove: (moved, before) => moveTab(workspaceId, sessions, moved, before),
    onSearch: () => setSearching(true),
    onLeave: () => {
      const tab = area.current?.querySelector<HTMLElement>('[role=tab][aria-selected=true]')
      if (area.current?.querySelector('.xterm')?.contains(document.activeElement)) tab?.focus()
      else setFocusTurn((turn) => turn + 1)
    },
  })

  return (
    <div className={styles.view} ref={area}>
      {sessions.length > 0 ? (
        <TabBar
          sessions={sessions}
          front={front?.id}
          canAdd={running && !isOpening}
          addHint={`New terminal (${chordLabels(terminalKeys().open, isMac()).join(isMac() ? '' : '+')})`}
          onFront={(sessionId) => {
            bringToFront(workspaceId, sessionId)
            setFocusTurn((turn) => turn + 1)
          }}
          onAdd={() => void open('sessions.create')}
          more={
            running && workspace ? (
              <>
                <TaskMenu workspace={workspace} />
                <ServiceMenu workspace={workspace} />
              </>
            ) : null
          }
          onClose={(sessionId) => void close(sessionId)}
          renaming={renaming}
          onRenaming={setRenaming}
          onRename={(sessionId, title) => void rename(sessionId, title)}
          onRenamed={() => setFocusTurn((turn) => turn + 1)}
          onMove={(moved, before) => moveTab(workspaceId, sessions, moved, before)}
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
          <TerminalPane
            key={front.id}
            session={front}
            settings={settings}
            scheme={scheme}
            searching={searching}
            focusTurn={focusTurn}
            onSearch={setSearching}
            onNew={running ? () => void open('sessions.create') : undefined}
            onClose={() => void close(front.id)}
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
      {asked && askedOf ? (
        <CloseDialog
          title={askedOf.title}
          command={asked.command}
          onCancel={() => setAsked(undefined)}
          onClose={() => void end(asked.sessionId)}
        />
      ) : null}
    </div>
  )
}

/** About the size that a terminal will have here; the true one follows when it is on the page. */
function guessSize(area: HTMLElement | null, settings: TerminalSettings | undefined) {
  const fontSize = settings?.fontSize ?? 13
  const within = (value: number, least: number) => Math.min(Math.max(Math.floor(value), least), 2000)
  return {
    columns: within(((area?.clientWidth ?? 0) - 28) / (fontSize * 0.602), 80),
    rows: within(((area?.clientHeight ?? 0) - 48) / (fontSize * 1.4), 24),
  }
}
