import { app, Menu, nativeImage, Tray } from 'electron'
import type { Activity } from './engine-supervisor'
import type { Windows } from './windows'

/** The icon beside the clock: shows that Berth runs without a window, and brings the window back. */
export class BerthTray {
  readonly #windows: Windows
  readonly #tray: Tray

  constructor(windows: Windows, iconPath: string) {
    this.#windows = windows
    this.#tray = new Tray(nativeImage.createFromPath(iconPath))
    this.#tray.on('click', () => this.#windows.show())
    this.update({ sessions: 0, forwards: 0, transfers: 0 })
  }

  update(activity: Activity): void {
    const text = describeActivity(activity)
    this.#tray.setToolTip(text ? `Berth: ${text}` : 'Berth')
    this.#tray.setContextMenu(
      Menu.buildFromTemplate([
        { label: text || 'Nothing open', enabled: false },
        { type: 'separator' },
        { label: 'Show Berth', click: () => this.#windows.show() },
        {
          label: 'New Workspace…',
          click: () => this.#windows.command({ command: 'new-workspace' }),
        },
        { type: 'separator' },
        { label: 'Quit Berth', click: () => app.quit() },
      ]),
    )
  }

  dispose(): void {
    this.#tray.destroy()
  }
}

/** `2 terminals and 1 forwarded port`; empty where nothing is open. */
export function describeActivity({ sessions, forwards, transfers }: Activity): string {
  const counted = (count: number, one: string, many: string) =>
    count === 0 ? [] : [`${count} ${count === 1 ? one : many}`]
  const open = [
    ...counted(sessions, 'terminal', 'terminals'),
    ...counted(forwards, 'forwarded port', 'forwarded ports'),
    ...counted(transfers, 'transfer', 'transfers'),
  ]
  return new Intl.ListFormat('en').format(open)
}
