import { protocol } from 'electron'
import { servePageFiles } from './page-files'

/** Must be called before Electron is ready. */
export function registerAppScheme(): void {
  protocol.registerSchemesAsPrivileged([
    // Compiled code is kept from one start to the next.
    { scheme: 'app', privileges: { standard: true, secure: true, supportFetchAPI: true, codeCache: true } },
  ])
}

/** Serves the page's files at `app://berth/`. */
export function serveAppScheme(folder: string): void {
  protocol.handle('app', servePageFiles(folder))
}
