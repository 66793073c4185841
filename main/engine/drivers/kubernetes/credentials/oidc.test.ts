import {
  existsSync,
  lstatSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import {
  createServer as createHttpServer,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http'
import { createServer } from 'node:https'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { ProblemError } from '#contract'
import { createNodePlatform } from '../../../platform/node'
import { KubeconfigStore } from '../kubeconfig/store'
import { ClusterAccesses } from './access'
import { makeCertificate, makeToken } from './fakes'

/** A real identity provider over TLS, as far as renewals go: refresh-tokens are good once. */
class IdentityProvider {
  readonly server: Server
  readonly renewals: { authorization: string | undefined; form: Record<string, string> }[] = []
  refreshToken = 'refresh-0'
  discovery: Record<string, unknown> = {}
  answer: ((form: Record<string, string>) => [number, unknown]) | undefined
  lifetime = 3_600_000

  constructor(certificate: { cert: string; key: string }) {
    this.server = createServer(certificate, (request, response) => void this.#serve(request, response))
  }

  get url(): string {
    return `https://localhost:${(this.server.address() as AddressInfo).port}`
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const send = (code: number, body: unknown) => {
      response.writeHead(code, { 'Content-Type': 'application/json' })
      response.end(typeof body === 'string' ? body : JSON.stringify(body))
    }
    if (request.url === '/realm/.well-known/openid-configuration') {
      return send(200, {
        issuer: `${this.url}/realm`,
        token_endpoint: `${this.url}/token`,
        ...this.discovery,
      })
    }
    if (request.url !== '/token' || request.method !== 'POST') return send(404, {})
    const form = Object.fromEntries(new URLSearchParams(await text(request)))
    this.renewals.push({ authorization: request.headers.authorization, form })
    if (this.answer) return send(...this.answer(form))
    if (form.refresh_token !== this.refreshToken) return send(400, { error: 'invalid_grant' })
    this.refreshToken = `refresh-${this.renewals.length}`
    const id = makeToken(Date.now() + this.lifetime, `login-${this.renewals.length}`)
    send(200, { id_token: id, refresh_token: this.refreshToken, access_token: 'unused' })
  }
}

let folder: string
let idp: IdentityProvider
let ca: string
const closing: (() => Promise<void> | void)[] = []
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'berth-oidc-'))
  const certificate = makeCertificate(folder, 'idp')
  ca = certificate.cert
  idp = new IdentityProvider(certificate)
  await new Promise<void>((resolve) => idp.server.listen(0, '127.0.0.1', resolve))
  closing.push(() => {
    idp.server.closeAllConnections()
    idp.server.close()
  })
})
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close()
  rmSync(folder, { recursive: true, force: true })
})

const file = () => join(folder, 'config')
const expired = () => makeToken(Date.now() - 1_000)
/** A kubeconfig as a person keeps it, comments and all. */
function kubeconfig(fields: Record<string, string> = {}): string {
  const config = {
    'client-id': 'berth',
    'client-secret': 'cl1ent s3cret',
    'id-token': expired(),
    'idp-certificate-authority-data': Buffer.from(ca).toString('base64'),
    'idp-issuer-url': `${idp.url}/realm`,
    'refresh-token': 'refresh-0',
    ...fields,
  }
  const lines = Object.entries(config).flatMap(([key, value]) =>
    value === '' ? [] : [`        ${key}: ${value}\n`],
  )
  return `# kept by hand
current-context: x
contexts: [{name: x, context: {cluster: c, user: me}}, {name: y, context: {cluster: c, user: me}}]
clusters: [{name: c, cluster: {server: "https://host"}}]
users:
- name: me
  user:
    auth-provider:
      name: oidc   # of the company
      config:
${lines.join('')}`
}
function accesses(env: Record<string, string> = {}) {
  const platform = createNodePlatform({
    version: '0',
    resources: folder,
    env: { HOME: folder, KUBECONFIG: file(), ...env },
  })
  const opened = new ClusterAccesses(platform, new KubeconfigStore(platform))
  return (context: string) => {
    const { credentials } = opened.open({ id: `kubernetes:${context}/default`, endpoint: 'https://host' })
    closing.push(() => credentials.dispose())
    return credentials
  }
}
const tokenOf = (headers: Readonly<Record<string, unknown>>) =>
  JSON.parse(Buffer.from(String(headers.Authorization).split('.')[1] ?? '', 'base64url').toString())
    .sub as string
const problemOf = async (work: Promise<unknown>) => {
  const error = await work.catch((thrown: unknown) => thrown)
  if (!(error instanceof ProblemError)) throw new Error(`not a Problem: ${String(error)}`)
  return error.problem
}

describe('a login with OpenID Connect', () => {
  it('uses the id-token while it is good, and asks nobody', async () => {
    writeFileSync(file(), kubeconfig({ 'id-token': makeToken(Date.now() + 600_000, 'kept') }))
    expect(tokenOf(await accesses()('x').headers())).toBe('kept')
    expect(idp.renewals).toEqual([])
  })

  it('renews an expired one once for all who wait, and keeps both tokens in the file as it was otherwise', async () => {
    const before = kubeconfig()
    writeFileSync(file(), before, { mode: 0o640 })
    const open = accesses()
    const all = [open('x'), open('y')]
    const headers = await Promise.all(Array.from({ length: 10 }, (_, index) => all[index % 2]?.headers()))
    for (const given of headers) expect(tokenOf(given ?? {})).toBe('login-1')
    expect(idp.renewals).toEqual([
      {
        authorization: `Basic ${Buffer.from('berth:cl1ent+s3cret').toString('base64')}`,
        form: { grant_type: 'refresh_token', refresh_token: 'refresh-0' },
      },
    ])
    const token = String(headers[0]?.Authorization).replace('Bearer ', '')
    expect(readFileSync(file(), 'utf8')).toBe(
      before
        .replace(/id-token: \S+/, `id-token: "${token}"`)
        .replace('refresh-token: refresh-0', 'refresh-token: "refresh-1"'),
    )
    expect(statSync(file()).mode & 0o777).toBe(0o640)
    expect(existsSync(`${file()}.lock`)).toBe(false)
    // What was kept serves the next process.
    expect(tokenOf(await accesses()('x').headers())).toBe('login-1')
    expect(idp.renewals).toHaveLength(1)
  })

  it('is renewed after a refusal, with the newest refresh-token', async () => {
    writeFileSync(file(), kubeconfig())
    const credentials = accesses()('x')
    const first = await credentials.headers()
    credentials.rejected(first)
    const second = await credentials.headers()
    credentials.rejected(first)
    expect(await credentials.headers()).toEqual(second)
    expect([tokenOf(first), tokenOf(second)]).toEqual(['login-1', 'login-2'])
    expect(idp.renewals[1]?.form.refresh_token).toBe('refresh-1')
  })

  it('takes what another program has renewed meanwhile', async () => {
    writeFileSync(file(), kubeconfig())
    const open = accesses()
    const credentials = open('x')
    const first = await credentials.headers()
    const theirs = makeToken(Date.now() + 600_000, 'theirs')
    writeFileSync(file(), kubeconfig({ 'id-token': theirs, 'refresh-token': 'refresh-9' }))
    credentials.rejected(first)
    expect(tokenOf(await credentials.headers())).toBe('theirs')
    expect(idp.renewals).toHaveLength(1)
  })

  it('recovers when another program was faster with the refresh-token', async () => {
    writeFileSync(file(), kubeconfig())
    idp.answer = () => {
      idp.answer = undefined
      idp.refreshToken = 'refresh-theirs'
      writeFileSync(file(), kubeconfig({ 'refresh-token': 'refresh-theirs' }))
      return [400, { error: 'invalid_grant' }]
    }
    expect(tokenOf(await accesses()('x').headers())).toBe('login-2')
  })

  it('goes on when the file cannot be written, and keeps the renewed tokens itself', async () => {
    writeFileSync(file(), kubeconfig().replace('config:\n', 'config: &c\n'))
    writeFileSync(`${file()}.lock`, '')
    const credentials = accesses()('x')
    const first = await credentials.headers()
    expect(tokenOf(first)).toBe('login-1')
    expect(readFileSync(file(), 'utf8')).toContain('refresh-token: refresh-0')
    expect(existsSync(`${file()}.lock`)).toBe(true)
  })

  it('leaves a symbolic link a symbolic link', async () => {
    writeFileSync(join(folder, 'real'), kubeconfig())
    symlinkSync('real', file())
    await accesses()('x').headers()
    expect(lstatSync(file()).isSymbolicLink()).toBe(true)
    expect(readFileSync(join(folder, 'real'), 'utf8')).toContain('refresh-1')
  })

  it('names the client in the form where the provider wants it so, or has no secret', async () => {
    idp.discovery = { token_endpoint_auth_methods_supported: ['client_secret_post'] }
    writeFileSync(file(), kubeconfig())
    const credentials = accesses()('x')
    await credentials.headers()
    expect(idp.renewals[0]).toMatchObject({
      authorization: undefined,
      form: { client_id: 'berth', client_secret: 'cl1ent s3cret' },
    })
    idp.refreshToken = 'refresh-0'
    writeFileSync(file(), kubeconfig({ 'client-secret': '' }))
    await accesses()('x').headers()
    expect(idp.renewals[1]).toEqual({
      authorization: undefined,
      form: { grant_type: 'refresh_token', refresh_token: 'refresh-0', client_id: 'berth' },
    })
  })

  it('goes through the proxy of the environment', async () => {
    const asked: string[] = []
    const sockets = new Set<Socket>()
    const proxy = createHttpServer()
    proxy.on('connect', (request, client: Socket) => {
      asked.push(`${request.url} ${request.headers['proxy-authorization']}`)
      const server = connect((idp.server.address() as AddressInfo).port, '127.0.0.1', () => {
        client.write('HTTP/1.1 200 OK\r\n\r\n')
        client.pipe(server).pipe(client)
      })
      for (const socket of [client, server]) {
        sockets.add(socket)
        socket.on('error', () => undefined)
      }
    })
    await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve))
    closing.push(() => {
      for (const socket of sockets) socket.destroy()
      proxy.close()
    })
    // This machine itself is never reached through a proxy, so the provider gets a name that the proxy alone knows.
    const issuer = 'https://idp.test:99/realm'
    writeFileSync(file(), kubeconfig({ 'idp-issuer-url': issuer }))
    const { port } = proxy.address() as AddressInfo
    const problem = await problemOf(accesses({ HTTPS_PROXY: `http://u:p@127.0.0.1:${port}` })('x').headers())
    // The certificate is not for that name, which shows that it was looked at.
    expect(problem.detail).toMatch(/altnames/)
    expect(asked).toEqual([`idp.test:99 Basic ${Buffer.from('u:p').toString('base64')}`])
  })
})

describe('a login with OpenID Connect that cannot be renewed', () => {
  it.each<[string, () => void, { code: string; cause: RegExp }]>([
    [
      'has no refresh-token',
      () => writeFileSync(file(), kubeconfig({ 'refresh-token': '' })),
      { code: 'credentials-expired', cause: /no refresh-token/ },
    ],
    [
      'was revoked',
      () => {
        idp.refreshToken = 'another'
      },
      { code: 'credentials-expired', cause: /not accepted any more/ },
    ],
    [
      'has another client now',
      () => {
        idp.answer = ({ refresh_token }) => [
          401,
          { error: 'invalid_client', error_description: refresh_token },
        ]
      },
      { code: 'credentials-failed', cause: /HTTP 401, invalid_client/ },
    ],
    [
      'is answered with nonsense',
      () => {
        idp.answer = ({ refresh_token }) => [500, `<html>${refresh_token}`]
      },
      { code: 'credentials-failed', cause: /HTTP 500/ },
    ],
    [
      'is answered without an id-token',
      () => {
        idp.answer = () => [200, { access_token: 'a' }]
      },
      { code: 'credentials-failed', cause: /openid/ },
    ],
    [
      'has a provider that says nothing of itself',
      () => {
        idp.discovery = { token_endpoint: undefined }
      },
      { code: 'credentials-failed', cause: /does not say/ },
    ],
    [
      'would be sent in the clear',
      () => {
        idp.discovery = { token_endpoint: 'http://example.com/token' }
      },
      { code: 'credentials-failed', cause: /not an https URL/ },
    ],
    [
      'has no issuer',
      () => writeFileSync(file(), kubeconfig({ 'idp-issuer-url': '' })),
      { code: 'credentials-failed', cause: /not an https URL/ },
    ],
    [
      'has an authority that nobody knows',
      () => writeFileSync(file(), kubeconfig({ 'idp-certificate-authority-data': '' })),
      { code: 'credentials-failed', cause: /cannot be reached/ },
    ],
    [
      'has an authority in a file that is not there',
      () =>
        writeFileSync(
          file(),
          kubeconfig({ 'idp-certificate-authority-data': '', 'idp-certificate-authority': '/none/ca' }),
        ),
      { code: 'credentials-failed', cause: /ENOENT/ },
    ],
    [
      'has a provider that is not there',
      () => {
        idp.server.close()
      },
      { code: 'credentials-failed', cause: /cannot be reached/ },
    ],
  ])('because it %s', async (_what, arrange, { code, cause }) => {
    writeFileSync(file(), kubeconfig())
    arrange()
    const problem = await problemOf(accesses()('x').headers())
    expect(problem).toMatchObject({ code, cause: expect.stringMatching(cause) })
    for (const secret of ['refresh-0', 's3cret']) expect(JSON.stringify(problem)).not.toContain(secret)
  })

  it('is cancelled by whoever asked', async () => {
    writeFileSync(file(), kubeconfig())
    const controller = new AbortController()
    idp.answer = () => {
      controller.abort()
      return [500, {}]
    }
    expect(await problemOf(accesses()('x').headers(controller.signal))).toMatchObject({ code: 'cancelled' })
  })
})
