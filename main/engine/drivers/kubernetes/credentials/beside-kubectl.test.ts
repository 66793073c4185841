import { execFile } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createNodePlatform } from '../../../platform/node'
import { describeContexts } from '../kubeconfig/contexts'
import { KubeconfigStore } from '../kubeconfig/store'
import { ClusterAccesses } from './access'
import { findKubectl, makeCertificate, writeScript } from './fakes'

const kubectl = findKubectl(24)

/** What kubectl sends to a server, and tells its plugins, is what Berth has to. */
describe.skipIf(!kubectl.found)(`beside kubectl${kubectl.found ? '' : ` (skipped: ${kubectl.why})`}`, () => {
  let folder: string
  let server: Server
  let received: string[] = []
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'berth-beside-kubectl-'))
    server = createServer(makeCertificate(folder, 'server'), (request, response) => {
      received = request.rawHeaders
      response.writeHead(200, { 'Content-Type': 'application/json' }).end('{}')
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    writeFileSync(join(folder, 'token'), 'from-file\n')
  })
  afterAll(() => {
    server.closeAllConnections()
    server.close()
    rmSync(folder, { recursive: true, force: true })
  })

  const told = () => {
    const path = join(folder, 'told')
    const text = existsSync(path) ? readFileSync(path, 'utf8') : 'null'
    rmSync(path, { force: true })
    return JSON.parse(text) as unknown
  }
  const configure = (user: unknown, cluster: Record<string, unknown>) => {
    const { port } = server.address() as AddressInfo
    const config = {
      apiVersion: 'v1',
      kind: 'Config',
      'current-context': 'x',
      contexts: [{ name: 'x', context: { cluster: 'c', user: 'u' } }],
      users: [{ name: 'u', user }],
      clusters: [
        {
          name: 'c',
          cluster: { server: `https://127.0.0.1:${port}`, 'certificate-authority': 'server.crt', ...cluster },
        },
      ],
    }
    writeFileSync(join(folder, 'config'), JSON.stringify(config))
  }
  const askKubectl = async () => {
    received = []
    await new Promise<void>((resolve) => {
      const env = { ...process.env, HOME: folder, KUBECONFIG: join(folder, 'config') }
      // Without credentials it asks for some.
      execFile('kubectl', ['get', '--raw', '/x'], { env }, () => resolve()).stdin?.end()
    })
    const headers: Record<string, string[]> = {}
    for (let index = 0; index < received.length; index += 2) {
      const name = received[index]?.toLowerCase() ?? ''
      if (!/^(authorization|impersonate-)/.test(name)) continue
      headers[name] = [...(headers[name] ?? []), received[index + 1] ?? '']
    }
    return { headers, told: told() }
  }
  const askBerth = async () => {
    const platform = createNodePlatform({
      version: '0',
      resources: folder,
      env: { PATH: process.env.PATH, HOME: folder, KUBECONFIG: join(folder, 'config') },
    })
    const store = new KubeconfigStore(platform)
    const [context] = describeContexts(store.current())
    if (!context) throw new Error('no context')
    const { credentials } = new ClusterAccesses(platform, store).open(context.description)
    const headers = await credentials.headers()
    credentials.dispose()
    return {
      headers: Object.fromEntries(
        Object.entries(headers).map(([name, values]) => [name.toLowerCase(), [values].flat()]),
      ),
      told: told(),
    }
  }
  const exec = (version: string, more: Record<string, unknown> = {}) => {
    const apiVersion = `client.authentication.k8s.io/${version}`
    const credential = JSON.stringify({ apiVersion, kind: 'ExecCredential', status: { token: 'given' } })
    writeScript(
      join(folder, 'bin', version),
      `printf '%s' "$KUBERNETES_EXEC_INFO" > "$(dirname "$0")/../told"; echo '${credential}'`,
    )
    return { exec: { apiVersion, command: `bin/${version}`, interactiveMode: 'IfAvailable', ...more } }
  }
  const extensions = [
    { name: 'client.authentication.k8s.io/exec', extension: { audience: 7, list: [true, 'y'] } },
  ]

  it.each<[string, () => unknown, Record<string, unknown>?]>([
    ['nothing', () => ({})],
    ['a token', () => ({ token: 'abc' })],
    ['a token file', () => ({ tokenFile: 'token' })],
    ['a token file and a token', () => ({ tokenFile: 'token', token: 'beside' })],
    ['a token file that is missing, and a token', () => ({ tokenFile: 'none', token: 'beside' })],
    ['a password', () => ({ username: 'jürgen', password: 'x:y' })],
    ['a plugin (v1)', () => exec('v1'), { extensions }],
    [
      'a plugin (v1) that is told of the cluster',
      () => exec('v1', { provideClusterInfo: true }),
      { extensions },
    ],
    [
      'a plugin (v1beta1) that is told of the cluster',
      () => exec('v1beta1', { provideClusterInfo: true }),
      { extensions, 'tls-server-name': 'localhost' },
    ],
    ['a plugin and a token', () => ({ token: 'abc', ...exec('v1') })],
    [
      'impersonation',
      () => ({
        token: 'abc',
        as: 'jürgen',
        'as-uid': '7',
        'as-groups': ['a', 'b, c'],
        'as-user-extra': { 'example.com/scope%': ['v1', 'v2'] },
      }),
    ],
  ])('%s comes to the same', async (_what, user, cluster = {}) => {
    configure(user(), cluster)
    expect(await askBerth()).toEqual(await askKubectl())
  })
})
