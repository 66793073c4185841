import { Button } from '@mantine/core'
import { IconPlus, IconTerminal2 } from '@tabler/icons-react'
import { useCallback, useEffect, useMemo, useRef, useState } from 'react'
import type { Problem } from '#contract'
import { isMac } from '../../lib/bridge'
import { type Command, useCommands } from '../../lib/commands'
import { request } from '../../lib/engine'
import { useCollection, useLoaded, useRecord, useSettings } from '../../lib/hooks'
import { chordLabels } from '../../lib/keys'
import { notifyProblem } from '../../lib/notify'
import { ProblemView } from '../../lib/problem-view'
import { EmptyState } from '../../ui/empty-state'
import { arrange, bringToFront, frontOf, moveTab, useArrangement } from './arrangement'
import { keepOnly } from './screens'
import { TabBar } from './tab-bar'
import { TerminalPane } from './terminal-pane'
import type { TerminalSettings } from './terminal-screen'
import styles from './terminals.module.css'
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
  const order = useArrangement((state) => state.order.get(workspaceId))
  const chosen = useArrangement((state) => state.front.get(workspaceId))
  const [searching, setSearching] = useState(false)
  const [focusTurn, setFocusTurn] = useState(0)
  const [opening, setOpening] = useState(false)
  const [problem, setProblem] = useState<Problem | undefined>()
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
  const running = workspace?.state === 'running'

  useEffect(() => {
    if (loaded) keepOnly(new Set(all.map(({ id }) => id)))
  }, [all, loaded])

  const open = useCallback(async () => {
    setOpening(true)
    setProblem(undefined)
    const result = await request('sessions.create', { workspaceId, ...guessSize(area.current, settings) })
    setOpening(false)
    if (result.ok) {
      bringToFront(workspaceId, result.value.sessionId)
      setFocusTurn((turn) => turn + 1)
    } else setProblem(result.problem)
  }, [workspaceId, settings])

  const close = useCallback(async (sessionId: string) => {
    const result = await request('sessions.close', { sessionId })
    if (!result.ok && result.problem.code !== 'not-found') notifyProblem(result.problem)
    setFocusTurn((turn) => turn + 1)
  }, [])

  const rename = useCallback(async (sessionId: string, title: string) => {
    const result = await request('sessions.rename', { sessionId, title })
    if (!result.ok) notifyProblem(result.problem)
  }, [])

  // The first terminal of a run opens by itself: it is what the user came for.
  const run = running && loaded && settings ? `${workspaceId} ${workspace.incarnation ?? ''}` : undefined
  useEffect(() => {
    if (!run || !active || greeted.has(run)) return
    greeted.add(run)
    if (sessions.every((session) => session.state === 'ended')) void open()
  }, [run, active, sessions, open])

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
    onOpen: () => void open(),
    onClose: (sessionId) => void close(sessionId),
    onSearch: () => setSearching(true),
  })

  return (
    <div className={styles.view} ref={area}>
      {sessions.length > 0 ? (
        <TabBar
          sessions={sessions}
          front={front?.id}
          canAdd={running && !opening}
          addHint={`New terminal (${chordLabels(keys().open, isMac()).join(isMac() ? '' : '+')})`}
          onFront={(sessionId) => {
            bringToFront(workspaceId, sessionId)
            setFocusTurn((turn) => turn + 1)
          }}
          onAdd={() => void open()}
          onClose={(sessionId) => void close(sessionId)}
          onRename={(sessionId, title) => void rename(sessionId, title)}
          onMove={(moved, before) => moveTab(workspaceId, sessions, moved, before)}
        />
      ) : null}
      {problem ? (
        <div className={styles.problem}>
          <ProblemView problem={problem} onRetry={() => void open()} />
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
            onNew={running ? () => void open() : undefined}
            onClose={() => void close(front.id)}
          />
        ) : null
      ) : loaded && !problem ? (
        <EmptyState
          icon={<IconTerminal2 size={20} />}
          title={opening ? 'Opening a terminal…' : 'No terminals'}
          actions={
            opening ? undefined : (
              <Button leftSection={<IconPlus size={14} />} disabled={!running} onClick={() => void open()}>
                New terminal
              </Button>
            )
          }
        >
          {opening
            ? null
            : 'A terminal runs the login shell of the workspace. It goes on when you close the window.'}
        </EmptyState>
      ) : null}
    </div>
  )
}

/** The keys that belong to terminals; each platform's own. */
function keys() {
  return isMac()
    ? { open: 'mod+t', close: 'mod+w', next: 'mod+shift+]', previous: 'mod+shift+[', search: 'mod+f' }
    : {
        open: 'ctrl+shift+t',
        close: 'ctrl+shift+w',
        next: 'ctrl+pagedown',
        previous: 'ctrl+pageup',
        search: 'ctrl+shift+f',
      }
}

interface TerminalCommands {
  readonly active: boolean
  readonly running: boolean
  readonly sessions: readonly string[]
  readonly front: string | undefined
  readonly settings: TerminalSettings | undefined
  readonly onFront: (sessionId: string) => void
  readonly onOpen: () => void
  readonly onClose: (sessionId: string) => void
  readonly onSearch: () => void
}

function useTerminalCommands(state: TerminalCommands): void {
  const current = useRef(state)
  useEffect(() => {
    current.current = state
  })
  const { active, running } = state
  const some = state.front !== undefined
  const commands = useMemo<readonly Command[]>(() => {
    if (!active) return []
    const group = 'Terminal'
    const chords = keys()
    const step = (by: number) => () => {
      const { sessions, front, onFront } = current.current
      const at = sessions.indexOf(front ?? '')
      const next = sessions[(at + by + sessions.length) % sessions.length]
      if (next !== undefined) onFront(next)
    }
    const zoom = (by: number | undefined) => () => {
      const { settings } = current.current
      if (!settings) return
      const fontSize = by === undefined ? 13 : Math.min(Math.max(settings.fontSize + by, 6), 40)
      void request('settings.change', { terminal: { ...settings, fontSize } }).then((result) => {
        if (!result.ok) notifyProblem(result.problem)
      })
    }
    const always = { group, inTerminal: true }
    return [
      ...(running
        ? [
            {
              ...always,
              id: 'terminal.new',
              title: 'New terminal',
              keys: [chords.open],
              run: () => current.current.onOpen(),
            },
          ]
        : []),
      ...(some
        ? [
            {
              ...always,
              id: 'terminal.close',
              title: 'Close terminal',
              keys: [chords.close],
              run: () => {
                const { front, onClose } = current.current
                if (front !== undefined) onClose(front)
              },
            },
            { ...always, id: 'terminal.next', title: 'Next terminal', keys: [chords.next], run: step(1) },
            {
              ...always,
              id: 'terminal.previous',
              title: 'Previous terminal',
              keys: [chords.previous],
              run: step(-1),
            },
            {
              ...always,
              id: 'terminal.find',
              title: 'Find in terminal',
              keys: [chords.search],
              run: () => current.current.onSearch(),
            },
            {
              ...always,
              id: 'terminal.larger',
              title: 'Larger terminal text',
              keys: ['mod+=', 'mod++'],
              run: zoom(1),
            },
            {
              ...always,
              id: 'terminal.smaller',
              title: 'Smaller terminal text',
              keys: ['mod+-'],
              run: zoom(-1),
            },
            {
              ...always,
              id: 'terminal.usual-size',
              title: 'Usual size of terminal text',
              keys: ['mod+0'],
              run: zoom(undefined),
            },
          ]
        : []),
    ]
  }, [active, running, some])
  useCommands(commands)
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
