import { app, Menu, type MenuItemConstructorOptions, shell } from 'electron'
import type { Windows } from './windows'

export interface MenuOptions {
  readonly windows: Windows
  readonly logPath: string
  /** With developer tools. */
  readonly development: boolean
}

/**
 * The menu of the platform. A page that is given a key uses it first; so keys that shells and editors live by (Ctrl-R,
 * Ctrl-W, Ctrl-N …) work in a terminal, and as menu keys elsewhere.
 */
export function buildMenu({ windows, logPath, development }: MenuOptions): Menu {
  const mac = process.platform === 'darwin'
  const settings: MenuItemConstructorOptions = {
    label: 'Settings…',
    accelerator: 'CmdOrCtrl+,',
    click: () => windows.command({ command: 'settings' }),
  }
  const about: MenuItemConstructorOptions = { label: 'About Berth', click: () => app.showAboutPanel() }
  const separator: MenuItemConstructorOptions = { type: 'separator' }

  const file: MenuItemConstructorOptions = {
    label: '&File',
    submenu: [
      {
        label: 'New Workspace…',
        accelerator: 'CmdOrCtrl+N',
        click: () => windows.command({ command: 'new-workspace' }),
      },
      { label: 'New Window', accelerator: 'CmdOrCtrl+Shift+N', click: () => void windows.open() },
      ...(mac ? [] : [separator, settings]),
      separator,
      { role: 'close', label: 'Close Window', accelerator: mac ? 'Cmd+Shift+W' : 'Ctrl+Shift+W' },
      ...(mac ? [] : [{ role: 'quit', label: 'Quit Berth', accelerator: 'Ctrl+Q' } as const]),
    ],
  }
  const view: MenuItemConstructorOptions = {
    label: '&View',
    submenu: [
      { role: 'reload' },
      separator,
      { role: 'resetZoom' },
      { role: 'zoomIn' },
      { role: 'zoomOut' },
      separator,
      { role: 'togglefullscreen' },
      ...(development ? [separator, { role: 'toggleDevTools' } as const] : []),
    ],
  }
  const help: MenuItemConstructorOptions = {
    role: 'help',
    submenu: [
      { label: 'Show Log File', click: () => shell.showItemInFolder(logPath) },
      ...(mac ? [] : [separator, about]),
    ],
  }
  const macApp: MenuItemConstructorOptions = {
    label: app.name,
    submenu: [
      about,
      separator,
      settings,
      separator,
      { role: 'services' },
      separator,
      { role: 'hide' },
      { role: 'hideOthers' },
      { role: 'unhide' },
      separator,
      { role: 'quit' },
    ],
  }
  return Menu.buildFromTemplate([
    ...(mac ? [macApp] : []),
    file,
    { role: 'editMenu' },
    view,
    { role: 'windowMenu' },
    help,
  ])
}
