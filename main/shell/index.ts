import { join } from 'node:path'
import { app, type BrowserWindow, ipcMain, Menu, session } from 'electron'
import { SHELL_CHANNEL } from '#contract/channels'
import { announceApplication, commandLineArguments, runCommandLine } from './command-line'
import { createLog } from './log'
import { registerAppScheme, serveAppScheme } from './protocol'
import { guardSession, guardWebContents } from './security'
import { Windows } from './windows'

// Whatever this file imports delays the first window. It brings the window up; services.ts, loaded after the window
// has its page, does everything else.

const out = join(import.meta.dirname, '..')
// A package has them beside its archive: containers mount the example from a real folder.
const resources = app.isPackaged ? join(process.resourcesPath, 'resources') : join(out, '..', 'resources')

app.setName('Berth')
// Beside Berth's own preferences, because Chromium fills its folder with files of its own.
app.setPath(
  'userData',
  join(app.getPath('appData'), process.platform === 'linux' ? 'berth' : 'Berth', 'window'),
)
announceApplication()
Menu.setApplicationMenu(null)
registerAppScheme()

const asked = commandLineArguments(process.argv)
if (asked) void runCommandLine(join(out, 'cli', 'berth.js'), asked)
else if (app.requestSingleInstanceLock()) void main()
else app.quit()

async function main(): Promise<void> {
  const log = createLog(join(app.getPath('userData'), 'logs', 'berth.log'))
  const refused = (what: string, fields: Readonly<Record<string, unknown>>) =>
    log.warn('Refused', { what, ...fields })
  // Electron would show a dialog with a stack trace. What breaks here breaks one thing; the windows go on.
  process.on('uncaughtException', (error) => log.error('Nobody caught an error', { detail: error.stack }))
  process.on('unhandledRejection', (error) =>
    log.error('Nobody caught a rejection', { detail: String(error) }),
  )
  guardWebContents(refused)

  await app.whenReady()
  guardSession(session.defaultSession, refused)
  serveAppScheme(join(out, 'renderer'))
  const windows = new Windows({
    preload: join(out, 'preload', 'index.cjs'),
    icon: join(resources, 'icon.png'),
    statePath: join(app.getPath('userData'), 'window.json'),
    onError: log.error,
  })
  const window = windows.open()

  // Loading them would hold up the page's own files, which this process hands out.
  const services = pageIsHere(window)
    .then(() => import('./services'))
    .then(({ startServices }) =>
      startServices({ windows, log, refused, engineEntry: join(out, 'main', 'engine.js'), resources }),
    )
  // The page may call before the services are loaded: it waits for them.
  ipcMain.handle(SHELL_CHANNEL, async (event, ...message: unknown[]) =>
    (await services).answer(event, message),
  )
}

/** Resolves when the page and its scripts have been read, or when there is none to wait for. */
function pageIsHere(window: BrowserWindow): Promise<void> {
  return new Promise((resolve) => {
    window.webContents.once('dom-ready', () => resolve())
    window.once('show', () => resolve())
    window.once('closed', () => resolve())
  })
}
