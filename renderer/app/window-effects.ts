import { useEffect } from 'react'
import { callShell } from '../lib/bridge'
import { useRecord, useSettings } from '../lib/hooks'
import { navigate, useNavigation } from '../lib/navigation'

/** What the window does by itself: it follows the theme, names itself, and obeys the menu. */
export function useWindowEffects(): void {
  const theme = useSettings()?.theme
  useEffect(() => {
    if (theme) void callShell('shell.setTheme', { theme })
  }, [theme])
  const name = useRecord(
    'workspaces',
    useNavigation(({ route }) => (route.view === 'workspace' ? route.workspaceId : undefined)),
  )?.name
  useEffect(() => {
    document.title = name ? `${name} – Berth` : 'Berth'
  }, [name])
  useEffect(
    () =>
      window.berth.onCommand((command) => {
        if (command.command === 'settings') navigate({ view: 'settings' })
        else navigate({ view: 'create', ...(command.source ? { text: command.source } : {}) })
      }),
    [],
  )
}
