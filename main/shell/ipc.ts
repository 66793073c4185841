import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { type BrowserWindow, clipboard, dialog, shell } from 'electron'
import type { EngineHost } from './engine-host'
import { externalUrl } from './external-url'
import type { ShellHandlers } from './shell-door'
import type { Windows } from './windows'

/** What the shell does for its windows. */
export function createShellHandlers(options: {
  readonly windows: Windows
  readonly engine: EngineHost
  readonly version: string
  /** Folder of the files shipped with Berth. */
  readonly resources: string
}): ShellHandlers<BrowserWindow> {
  const { windows, engine, version, resources } = options
  const example = join(resources, 'example')
  return {
    'shell.openExternal': async ({ url }) => {
      await shell.openExternal(externalUrl(url))
      return {}
    },
    'shell.chooseFolder': async ({ purpose }, window) => {
      const { canceled, filePaths } = await dialog.showOpenDialog(
        window,
        purpose === 'download'
          ? {
              title: 'Choose the folder to download to',
              buttonLabel: 'Download here',
              properties: ['openDirectory', 'createDirectory'],
            }
          : purpose === 'repository'
            ? {
                title: 'Choose the folder to make the repository in',
                properties: ['openDirectory', 'createDirectory'],
              }
            : { title: 'Choose the folder with the source', properties: ['openDirectory'] },
      )
      return { path: canceled ? null : (filePaths[0] ?? null) }
    },
    // Only macOS has a dialog for both at once.
    'shell.chooseUpload': async ({ kind }, window) => {
      const { canceled, filePaths } = await dialog.showOpenDialog(window, {
        title: kind === 'files' ? 'Choose the files to upload' : 'Choose the folders to upload',
        buttonLabel: 'Upload',
        properties: [kind === 'files' ? 'openFile' : 'openDirectory', 'multiSelections'],
      })
      return { paths: canceled ? [] : filePaths }
    },
    // Newer Electrons answer with a promise, older ones at once.
    'shell.writeClipboard': async ({ text }) => {
      await clipboard.writeText(text)
      return {}
    },
    'shell.readClipboard': async () => ({ text: await clipboard.readText() }),
    'shell.connectEngine': (_input, window) => {
      windows.listening(window.webContents)
      engine.connect(window.webContents)
      return {}
    },
    'shell.restartEngine': () => {
      engine.restart()
      return {}
    },
    'shell.setTheme': ({ theme }) => {
      windows.setTheme(theme)
      return {}
    },
    'shell.askAttention': (_input, window) => {
      if (window.isFocused()) return {}
      window.flashFrame(true)
      // Where the system does not end it by itself.
      window.once('focus', () => window.flashFrame(false))
      return {}
    },
    'shell.info': () => ({
      version,
      platform: process.platform as 'linux' | 'darwin' | 'win32',
      electron: process.versions.electron ?? '',
      ...(existsSync(example) ? { example } : {}),
    }),
  }
}
