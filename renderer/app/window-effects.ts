import { useEffect } from 'react'
import { callShell } from '../lib/bridge'
import { useSettings } from '../lib/hooks'
import { navigate } from '../lib/navigation'

/** What the window does by itself: it follows the theme and obeys the menu. */
export function useWindowEffects(): void {
  const theme = useSettings()?.theme
  useEffect(() => {
    if (theme) void callShell('shell.setTheme', { theme })
  }, [theme])
  useEffect(
    () =>
      window.berth.onCommand((command) => {
        if (command.command === 'settings') navigate({ view: 'settings' })
        else navigate({ view: 'create', ...(command.source ? { text: command.source } : {}) })
      }),
    [],
  )
}
