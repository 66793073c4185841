import { execFileSync, spawn } from 'node:child_process'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'

export interface GitServer {
  /** `http://host:port`, as git calls it. */
  readonly origin: string
  /** Who came with which password, in order; without any: an empty text. */
  readonly logins: string[]
  /** The login that is let in. */
  login: string
  close(): Promise<void>
}

export interface GitServerOptions {
  /** Repositories are below it. */
  readonly root: string
  /** `name:password` of who is let in. */
  readonly login: string
  /** Only repositories whose path begins so, which does not lie below the root, ask for a login. Absent: all do. */
  readonly closed?: string
}

/** For tests: git's own server program (git-http-backend(1)) behind HTTP, which lets one user in, by name and password. */
export async function startGitServer({ closed, login, root }: GitServerOptions): Promise<GitServer> {
  const backend = join(execFileSync('git', ['--exec-path'], { encoding: 'utf8' }).trim(), 'git-http-backend')
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? '/', 'http://x')
    const given = Buffer.from(
      (request.headers.authorization ?? '').replace(/^Basic /, ''),
      'base64',
    ).toString()
    started.logins.push(given)
    const isClosed = closed === undefined || url.pathname.startsWith(closed)
    if (isClosed && given !== started.login) {
      response.writeHead(401, { 'www-authenticate': 'Basic realm="test"' }).end()
      return
    }
    const child = spawn(backend, {
      env: {
        PATH: process.env.PATH,
        GIT_PROJECT_ROOT: root,
        GIT_HTTP_EXPORT_ALL: '1',
        PATH_INFO: decodeURIComponent(
          closed === undefined ? url.pathname : url.pathname.replace(closed, '/'),
        ),
        QUERY_STRING: url.search.slice(1),
        REQUEST_METHOD: request.method,
        CONTENT_TYPE: request.headers['content-type'],
        HTTP_CONTENT_ENCODING: request.headers['content-encoding'] as string | undefined,
        GIT_PROTOCOL: request.headers['git-protocol'] as string | undefined,
        REMOTE_USER: 'test',
        GIT_CONFIG_COUNT: '2',
        GIT_CONFIG_KEY_0: 'safe.directory',
        GIT_CONFIG_VALUE_0: '*',
        GIT_CONFIG_KEY_1: 'http.receivepack',
        GIT_CONFIG_VALUE_1: 'true',
      },
      stdio: ['pipe', 'pipe', 'ignore'],
    })
    child.stdin.on('error', () => undefined)
    request.pipe(child.stdin)
    let head = Buffer.alloc(0)
    let begun = false
    child.stdout.on('data', (chunk: Buffer) => {
      if (begun) return void response.write(chunk)
      head = Buffer.concat([head, chunk])
      const end = head.indexOf('\r\n\r\n')
      if (end < 0) return
      begun = true
      const lines = head.subarray(0, end).toString().split('\r\n')
      const headers = lines.map((line) => line.split(/:\s*/, 2) as [string, string])
      const status = headers.find(([name]) => name === 'Status')?.[1]
      response.writeHead(
        Number(status?.split(' ')[0] ?? 200),
        Object.fromEntries(headers.filter(([name]) => name !== 'Status')),
      )
      response.write(head.subarray(end + 4))
    })
    child.stdout.on('end', () => response.end())
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const started: GitServer = {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    logins: [],
    login,
    close: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
  return started
}
