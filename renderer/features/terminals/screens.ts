import type { Session } from '#contract'
import { type ScreenHooks, TerminalScreen, type TerminalSettings } from './terminal-screen'

/**
 * How long a screen that nobody sees stays as it is, milliseconds. After that it is taken down: a terminal costs
 * megabytes, and the engine can bring it back exactly.
 */
const KEEP = 30_000

interface Kept {
  readonly screen: TerminalScreen
  hooks: ScreenHooks
  timer: ReturnType<typeof setTimeout> | undefined
}

/** The screens of this window by session. */
const kept = new Map<string, Kept>()

/** The screen of a session, made if there is none. Whoever shows it gives its hooks. */
export function takeScreen(
  session: Session,
  settings: TerminalSettings,
  scheme: 'light' | 'dark',
  hooks: ScreenHooks,
): TerminalScreen {
  const known = kept.get(session.id)
  if (known) {
    clearTimeout(known.timer)
    known.timer = undefined
    known.hooks = hooks
    return known.screen
  }
  const forward: ScreenHooks = {
    onState: (state, end) => entry.hooks.onState(state, end),
    onLink: (address) => entry.hooks.onLink(address),
    onClipboard: (text) => entry.hooks.onClipboard(text),
    onSelection: (text) => entry.hooks.onSelection(text),
    onKey: (event) => entry.hooks.onKey(event),
  }
  const entry: Kept = {
    screen: new TerminalScreen(session, settings, scheme, forward),
    hooks,
    timer: undefined,
  }
  kept.set(session.id, entry)
  return entry.screen
}

/** Nobody shows it any more. */
export function releaseScreen(sessionId: string): void {
  const entry = kept.get(sessionId)
  if (!entry) return
  entry.screen.hide()
  clearTimeout(entry.timer)
  entry.timer = setTimeout(() => dropScreen(sessionId), KEEP)
}

/** Takes a screen down for good. */
export function dropScreen(sessionId: string): void {
  const entry = kept.get(sessionId)
  if (!entry) return
  kept.delete(sessionId)
  clearTimeout(entry.timer)
  entry.screen.dispose()
}

/** Takes down the screens of sessions that are gone. */
export function keepOnly(sessionIds: ReadonlySet<string>): void {
  for (const id of [...kept.keys()]) if (!sessionIds.has(id)) dropScreen(id)
}
