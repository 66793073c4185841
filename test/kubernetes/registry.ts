import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

/** An image registry that has nothing to give, each repository in a way of its own. */
export interface PoorRegistry {
  /** `127.0.0.1:<port>`, which container engines talk to without TLS. */
  readonly host: string
  dispose(): Promise<void>
}

/** `slow/…`: no answer for the time being; `private/…`: only for who has a login; all others: no such image. */
export async function startPoorRegistry(): Promise<PoorRegistry> {
  const server = createServer((request, response) => {
    const { url = '' } = request
    if (/^\/v2\/?$/.test(url)) return void response.end('{}')
    if (url.startsWith('/v2/slow/')) return
    const denied = url.startsWith('/v2/private/')
    if (denied) response.setHeader('WWW-Authenticate', 'Basic realm="registry"')
    response.writeHead(denied ? 401 : 404, { 'Content-Type': 'application/json' })
    const error = denied
      ? { code: 'UNAUTHORIZED', message: 'authentication required' }
      : { code: 'MANIFEST_UNKNOWN', message: 'manifest unknown' }
    response.end(JSON.stringify({ errors: [error] }))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    host: `127.0.0.1:${port}`,
    dispose: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}
