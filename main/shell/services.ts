import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { app, BrowserWindow, type IpcMainInvokeEvent, Menu, Notification } from 'electron'
import type { Result } from '#contract'
import { version } from '../../package.json'
import { findDeepLink, LINK_SCHEME, readDeepLink } from './deep-links'
import { EngineHost } from './engine-host'
import type { Activity } from './engine-supervisor'
import { createShellHandlers } from './ipc'
import type { Log } from './log'
import { buildMenu } from './menu'
import type { Refused } from './security'
import { isOwnFrame } from './sender'
import { answerShellRequest } from './shell-door'
import { BerthTray, describeActivity } from './tray'
import type { Windows } from './windows'

export interface ServiceOptions {
  readonly windows: Windows
  readonly log: Log
  readonly refused: Refused
  readonly engineEntry: string
  readonly resources: string
}

export interface Services {
  answer(event: IpcMainInvokeEvent, message: readonly unknown[]): Promise<Result<unknown>>
}

/** Everything of the shell but its first window: the engine, the door, menu, tray, links, and the end of it all. */
export function startServices({ windows, log, refused, engineEntry, resources }: ServiceOptions): Services {
  let activity: Activity = { sessions: 0, forwards: 0, transfers: 0 }
  let tray: BerthTray | undefined
  const engine = new EngineHost({
    entry: engineEntry,
    version,
    resources,
    log,
    windows: () => windows.list().map((window) => window.webContents),
    onActivity: (now) => {
      activity = now
      tray?.update(now)
    },
    // Who looks at a window is told there.
    onNotice: (title, body) => {
      if (windows.list().some((window) => window.isFocused()) || !Notification.isSupported()) return
      const notice = new Notification({ title, body })
      notice.on('click', () => windows.show())
      notice.show()
    },
  })
  const handlers = createShellHandlers({ windows, engine, version, resources })

  const follow = (link: string | undefined) => {
    const command = link === undefined ? undefined : readDeepLink(link)
    if (command) windows.command(command)
    else if (link !== undefined) refused('link', { link: link.slice(0, 200) })
  }

  // At once, if the window was quicker than this.
  afterFirstPaint(windows, () => {
    log.info('The window is shown', { milliseconds: Math.round(performance.now()) })
    engine.start()
    app.setAboutPanelOptions({
      applicationName: 'Berth',
      applicationVersion: version,
      copyright: 'Apache License 2.0',
      website: '',
    })
    Menu.setApplicationMenu(buildMenu({ windows, logPath: log.path, development: !app.isPackaged }))
    const icon = join(resources, process.platform === 'darwin' ? 'trayTemplate.png' : 'tray.png')
    if (existsSync(icon)) tray = new BerthTray(windows, icon)
    // On Linux the installed desktop file says the same; elsewhere the system is told at run time.
    if (app.isPackaged) app.setAsDefaultProtocolClient(LINK_SCHEME)
    follow(findDeepLink(process.argv))
  })
  app.on('second-instance', (_event, args) => {
    windows.show()
    follow(findDeepLink(args))
  })
  app.on('open-url', (event, link) => {
    event.preventDefault()
    windows.show()
    follow(link)
  })
  app.on('activate', () => void windows.show())

  let quitting = false
  app.on('window-all-closed', () => {
    // Sessions, forwards and transfers belong to the engine and outlive the window. With none, nobody would miss the app.
    const open = describeActivity(activity)
    if (quitting || process.platform === 'darwin') return
    if (!open) app.quit()
    else if (Notification.isSupported())
      new Notification({
        title: 'Berth goes on without a window',
        body: `It keeps ${open}. Start Berth again to come back; quit from its icon or with Ctrl-Q.`,
      }).show()
  })
  app.on('before-quit', (event) => {
    if (quitting) return
    quitting = true
    event.preventDefault()
    void Promise.all([windows.leave(), engine.stop()])
      .then(() => log.flush())
      .then(() => {
        tray?.dispose()
        app.quit()
      })
  })

  return {
    answer: (event, message) => {
      const own = isOwnFrame(event, (contents) => windows.owns(contents))
      const window = own ? (BrowserWindow.fromWebContents(event.sender) ?? undefined) : undefined
      return answerShellRequest(handlers, window, message, refused)
    },
  }
}

/** Runs `action` once, when the first page has painted or will not. */
function afterFirstPaint(windows: Windows, action: () => void): void {
  let done = false
  const once = () => {
    if (!done) action()
    done = true
  }
  const [window] = windows.list()
  if (!window || window.isVisible()) once()
  window?.once('show', once)
  window?.once('closed', once)
}
