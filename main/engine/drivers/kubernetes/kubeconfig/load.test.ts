import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { nodeFolders } from '../../../platform/node-folders'
import { findKubectl } from '../credentials/fakes'
import { mergeKubeconfigs, readKubeconfig } from './load'
import { kubeconfigPaths } from './paths'

let home: string
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'berth-kubeconfig-'))
})
afterEach(() => rmSync(home, { recursive: true, force: true }))

const write = (name: string, content: string | Buffer) => {
  const path = join(home, name)
  mkdirSync(join(path, '..'), { recursive: true })
  writeFileSync(path, content)
  return path
}
const paths = (env: Record<string, string>) =>
  kubeconfigPaths({ env, folders: nodeFolders({ HOME: home }, home) })
const load = (env: Record<string, string>) =>
  mergeKubeconfigs(paths(env).flatMap((path) => readKubeconfig(path) ?? []))
const base64 = (text: string) => Buffer.from(text).toString('base64')

const first = `
apiVersion: v1
kind: Config
clusters:
- name: red
  cluster: {server: "https://red-1", certificate-authority: /ca/red}
- name: only-first
  cluster: {server: "https://only-first", insecure-skip-tls-verify: true}
contexts:
- name: work
  context: {cluster: red, user: me}
users:
- name: me
  user: {token: first-token}
`
const second = `
apiVersion: v1
kind: Config
current-context: second
clusters:
- name: red
  cluster: {server: "https://red-2", tls-server-name: other, proxy-url: "http://proxy:3128"}
- name: blue
  cluster: {server: "https://blue", certificate-authority-data: ${base64('PEM')}}
contexts:
- name: work
  context: {cluster: blue, user: you, namespace: taken-from-nowhere}
- name: second
  context: {cluster: blue, user: you, namespace: team}
users:
- name: me
  user: {username: discarded, password: discarded}
- name: you
  user: {client-certificate: /c, client-key: /k, as: boss, as-groups: [a, b], as-user-extra: {k: [v1, v2]}}
`
const third =
  'apiVersion: v1\nkind: Config\ncurrent-context: work\nusers: [{name: last, user: {tokenFile: /t}}]\n'

describe('kubeconfig files', () => {
  it('are those of KUBECONFIG, else the one in the home folder', () => {
    expect(paths({})).toEqual([join(home, '.kube', 'config')])
    expect(paths({ KUBECONFIG: '' })).toEqual([join(home, '.kube', 'config')])
    expect(paths({ KUBECONFIG: ['/a', '', '/b', '/a'].join(delimiter) })).toEqual(['/a', '/b'])
  })

  it('may be missing, empty, or of nothing', () => {
    const empty = write('empty', '')
    const nothing = write('nothing', 'clusters:\nusers: null\ncontexts: ~\n')
    const config = load({ KUBECONFIG: [join(home, 'none'), empty, nothing].join(delimiter) })
    expect(config).toEqual({ clusters: new Map(), users: new Map(), contexts: new Map(), broken: [] })
  })

  it('are merged: the first that names an entry decides all of it, the first current context counts', () => {
    const list = [write('1', first), write('2', second), write('3', third)].join(delimiter)
    const config = load({ KUBECONFIG: list })
    expect(config.currentContext).toBe('second')
    expect(config.clusters.get('red')?.value).toMatchObject({
      server: 'https://red-1',
      serverName: undefined,
    })
    expect(config.clusters.get('red')?.value?.proxy).toBeUndefined()
    expect(config.contexts.get('work')?.value).toEqual({ cluster: 'red', user: 'me', namespace: undefined })
    expect(config.users.get('me')?.value).toMatchObject({ token: 'first-token', username: undefined })
    expect([...config.users.keys()]).toEqual(['me', 'you', 'last'])
    expect(config.users.get('you')?.value?.impersonate).toEqual({
      user: 'boss',
      uid: undefined,
      groups: ['a', 'b'],
      extra: [['k', ['v1', 'v2']]],
    })
  })

  it('have paths relative to themselves', () => {
    write(
      'deep/config',
      `
clusters: [{name: c, cluster: {server: s, certificate-authority: ../ca.pem}}]
users:
- {name: u, user: {client-certificate: c.pem, client-key: keys/k.pem, tokenFile: /abs/token}}
- {name: e, user: {exec: {apiVersion: v, command: ./bin/plugin}}}
- {name: p, user: {exec: {apiVersion: v, command: plugin}}}
`,
    )
    const config = load({ KUBECONFIG: join(home, 'deep/config') })
    expect(config.clusters.get('c')?.value?.caFile).toBe(join(home, 'ca.pem'))
    expect(config.users.get('u')?.value).toMatchObject({
      certFile: join(home, 'deep/c.pem'),
      keyFile: join(home, 'deep/keys/k.pem'),
      tokenFile: '/abs/token',
    })
    expect(config.users.get('e')?.value?.exec?.command).toBe(join(home, 'deep/bin/plugin'))
    expect(config.users.get('p')?.value?.exec?.command).toBe('plugin')
  })

  it('may give a name twice, use anchors, and leave tokens of digits unquoted', () => {
    const path = write(
      'config',
      `
base: &base {server: "https://one", insecure-skip-tls-verify: true}
clusters:
- {name: c, cluster: {<<: *base, tls-server-name: n}}
- {name: c, cluster: {server: "https://two"}}
users:
- {name: u, user: {token: 00120034005600780090}}
contexts: [{name: yes, context: {cluster: c, user: u}}]
`,
    )
    const config = load({ KUBECONFIG: path })
    expect(config.broken).toEqual([])
    expect(config.clusters.get('c')?.value).toMatchObject({
      server: 'https://one',
      skipVerify: true,
      serverName: 'n',
    })
    expect(config.users.get('u')?.value?.token).toBe('00120034005600780090')
    expect(config.contexts.has('yes')).toBe(true)
  })

  it('may be JSON, of several documents, or in the encoding of PowerShell', () => {
    const json = JSON.stringify({ users: [{ name: 'json', user: { token: 't' } }] })
    const several = 'users: [{name: several, user: {token: t}}]\n---\nusers: []\n'
    const wide = Buffer.from('\ufeffusers: [{name: wide, user: {token: t}}]\r\n', 'utf16le')
    const marked = '\ufeffusers: [{name: marked, user: {token: t}}]\r\n'
    const list = [write('1', json), write('2', several), write('3', wide), write('4', marked)]
    const config = load({ KUBECONFIG: list.join(delimiter) })
    expect([...config.users.keys()]).toEqual(['json', 'several', 'wide', 'marked'])
  })

  it('keeps the types of what credential plugins are told', () => {
    const path = write(
      'config',
      `
clusters:
- name: c
  cluster:
    server: s
    extensions:
    - {name: other, extension: 1}
    - {name: client.authentication.k8s.io/exec, extension: {audience: 007, port: 42, on: true}}
`,
    )
    expect(load({ KUBECONFIG: path }).clusters.get('c')?.value?.execConfig).toEqual({
      audience: 7,
      port: 42,
      on: true,
    })
  })
})

describe('a broken kubeconfig', () => {
  const secret = 'sEcReT-token-0815'
  it.each<[string, string, { cause: RegExp; line?: number }]>([
    ['not YAML', `users:\n- name: u\n  user: {token: ${secret}\n`, { cause: /YAML/, line: 4 }],
    ['tabs', `users:\n\t- ${secret}: x\n`, { cause: /YAML/, line: 2 }],
    ['unexpected text', `users: []\n"${secret}" "${secret}"\n`, { cause: /YAML/, line: 2 }],
    ['a list', `- ${secret}\n`, { cause: /no fields/, line: 1 }],
    ['a word', secret, { cause: /no fields/, line: 1 }],
    ['something else', `apiVersion: v1\nkind: Secret\ndata: {x: ${secret}}\n`, { cause: /kind/, line: 2 }],
    [
      'users that are no list',
      `kind: Config\nusers: {a: ${secret}}\n`,
      { cause: /"users" are not a list/, line: 2 },
    ],
    ['a name that is not set', `users: *${secret}\n`, { cause: /YAML/ }],
    ['a circle', `users: &a [*a, ${secret}]\n`, { cause: /YAML/ }],
    ['a billion laughs', laughs(), { cause: /YAML/ }],
    ['deep nesting', `${'['.repeat(50_000)}${secret}`, { cause: /YAML/ }],
    ['zero bytes', `\0\0\0${secret}\0: : :`, { cause: /./ }],
  ])('%s: tells where, and never what it holds', (_what, content, { cause, line }) => {
    const path = write('config', content)
    const [file] = load({ KUBECONFIG: path }).broken
    expect(file?.fault?.cause).toMatch(cause)
    if (line !== undefined) expect(file?.fault?.line).toBe(line)
    expect(JSON.stringify(file)).not.toContain(secret)
  })

  it('is a folder, a pipe, or too large', () => {
    mkdirSync(join(home, 'folder'))
    execFileSync('mkfifo', [join(home, 'pipe')])
    write('large', Buffer.alloc(17 * 1024 * 1024, 'x: y\n'))
    const list = ['folder', 'pipe', 'large'].map((name) => join(home, name)).join(delimiter)
    expect(load({ KUBECONFIG: list }).broken.map(({ fault }) => fault?.cause)).toEqual([
      'It is not a regular file.',
      'It is not a regular file.',
      'It is larger than 16 MiB.',
    ])
  })

  it('breaks only the entries that are broken', () => {
    const path = write(
      'config',
      `
clusters:
- name: good
  cluster: {server: "https://good"}
- name: bad
  cluster:
    server: "https://bad"
    certificate-authority-data: "%%%${secret}"
- 7
- {}
- name: worse
  cluster: [${secret}]
users:
- name: u
  user: {exec: {command: x}}
- name: v
  user: {as-groups: ${secret}}
__proto__: {polluted: true}
constructor: ${secret}
`,
    )
    const config = load({ KUBECONFIG: path })
    expect(config.broken).toEqual([])
    expect([...config.clusters.keys()]).toEqual(['good', 'bad', 'worse'])
    expect(config.clusters.get('bad')?.fault).toEqual({
      cause: 'Its certificate-authority-data: is not base64.',
      line: 8,
    })
    expect(config.clusters.get('worse')?.fault).toMatchObject({ line: 12 })
    expect(config.users.get('u')?.fault).toEqual({ cause: 'Its exec.apiVersion: is missing.', line: 15 })
    expect(config.users.get('v')?.fault).toMatchObject({ line: 17 })
    expect(JSON.stringify([...config.clusters, ...config.users])).not.toContain(secret)
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined()
  })
})

function laughs(): string {
  const lines = ['a0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol]']
  for (let level = 1; level < 10; level += 1) {
    lines.push(
      `a${level}: &a${level} [${Array(9)
        .fill(`*a${level - 1}`)
        .join(', ')}]`,
    )
  }
  return lines.join('\n')
}

const kubectl = findKubectl(19)
describe.skipIf(!kubectl.found)(
  `merging beside kubectl${kubectl.found ? '' : ` (skipped: ${kubectl.why})`}`,
  () => {
    it.each([
      ['in order', [first, second, third]],
      ['in reverse', [third, second, first]],
      ['with gaps', ['', second, 'kind: Config\napiVersion: v1\n', third, first]],
    ])('comes to the same, %s', (_order, contents) => {
      const list = [...contents.map((content, index) => write(`${index}`, content)), join(home, 'none')].join(
        delimiter,
      )
      const printed = execFileSync('kubectl', ['config', 'view', '--raw', '-o', 'json'], {
        encoding: 'utf8',
        env: { ...process.env, KUBECONFIG: list, HOME: home },
      })
      const theirs = JSON.parse(printed) as {
        'current-context': string
        clusters: { name: string; cluster: Record<string, unknown> }[]
        users: { name: string; user: Record<string, unknown> }[]
        contexts: { name: string; context: Record<string, unknown> }[]
      }
      const ours = load({ KUBECONFIG: list })
      const byName = <T extends { name: string }>(entries: readonly T[]) =>
        [...entries].sort((left, right) => (left.name < right.name ? -1 : 1))
      expect(ours.currentContext).toBe(theirs['current-context'])
      expect(
        byName([...ours.clusters.values()]).map(({ name, value }) => [name, value?.server, value?.proxy]),
      ).toEqual(
        byName(theirs.clusters).map(({ name, cluster }) => [name, cluster.server, cluster['proxy-url']]),
      )
      expect(
        byName([...ours.contexts.values()]).map(({ name, value }) => [
          name,
          value?.cluster,
          value?.user,
          value?.namespace,
        ]),
      ).toEqual(
        byName(theirs.contexts).map(({ name, context }) => [
          name,
          context.cluster,
          context.user,
          context.namespace,
        ]),
      )
      expect(
        byName([...ours.users.values()]).map(({ name, value }) => [
          name,
          value?.token,
          value?.username,
          value?.certFile,
          value?.impersonate?.user,
        ]),
      ).toEqual(
        byName(theirs.users).map(({ name, user }) => [
          name,
          user.token,
          user.username,
          user['client-certificate'],
          user.as,
        ]),
      )
    })
  },
)
