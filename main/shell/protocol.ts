import { protocol } from 'electron'
import { servePageFiles } from './page-files'

/** Must be called before Electron is ready. */
export function registerAppScheme(): void {
  protocol.registerSchemesAsPrivileged([
    // Compiled code is kept from one start to the next.
    {
      scheme: 'app',
      privileges: { standard: true, secure: true, supportFetchAPI: true, codeCache: true },
    },
  ])
}

/**
 * Serves the page's files at `app://berth/`. Not with `protocol.handle`: its first request loads all of Node's fetch,
 * which is an eighth of the time until the window shows, and each body goes through a stream made in JavaScript.
 */
export function serveAppScheme(folder: string): void {
  const serve = servePageFiles(folder)
  protocol.registerBufferProtocol('app', (request, respond) => {
    void serve(request.method, request.url).then(({ status, headers, body }) =>
      respond({ statusCode: status, headers, data: body }),
    )
  })
}
