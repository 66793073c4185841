import { existsSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { ProblemError } from '#contract'
import { createNodePlatform } from '../../../platform/node'
import type { Credentials } from '../api'
import { KubeconfigStore } from '../kubeconfig/store'
import { ClusterAccesses } from './access'
import { makeCertificate, makeToken, type TestCertificate, writeScript } from './fakes'

let folder: string
const opened: Credentials[] = []
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'berth-credentials-'))
})
afterEach(() => {
  for (const credentials of opened.splice(0)) credentials.dispose()
  rmSync(folder, { recursive: true, force: true })
})

const inFolder = (name: string) => join(folder, name)
const base64 = (text: string) => Buffer.from(text).toString('base64')
/** Writes the kubeconfig with one user, or with none. */
function configure(user: Record<string, unknown> | undefined, cluster: Record<string, unknown> = {}): void {
  const context = { cluster: 'c', ...(user && { user: 'me' }) }
  const config = {
    contexts: ['x', 'y'].map((name) => ({ name, context })),
    clusters: [{ name: 'c', cluster: { server: 'https://host:6443', ...cluster } }],
    users: user ? [{ name: 'me', user }] : [],
  }
  writeFileSync(inFolder('new'), JSON.stringify(config))
  renameSync(inFolder('new'), inFolder('config'))
}
function machine(env: Record<string, string> = {}, sleep?: () => Promise<void>) {
  const platform = createNodePlatform({
    version: '0',
    resources: folder,
    env: { PATH: process.env.PATH, HOME: folder, KUBECONFIG: inFolder('config'), ...env },
  })
  const accesses = new ClusterAccesses(
    { ...platform, clock: { ...platform.clock, sleep: sleep ?? platform.clock.sleep } },
    new KubeconfigStore(platform),
  )
  return (target = 'x/default') => {
    const access = accesses.open({ id: `kubernetes:${target}`, endpoint: 'https://host:6443' })
    opened.push(access.credentials)
    return access
  }
}
const open = (target?: string) => machine()(target).credentials
const problemOf = async (work: Promise<unknown>) => {
  const error = await work.catch((thrown: unknown) => thrown)
  if (!(error instanceof ProblemError)) throw new Error(`not a Problem: ${String(error)}`)
  return error.problem
}
const exec = (script: string) => ({
  exec: {
    apiVersion: 'client.authentication.k8s.io/v1',
    command: writeScript(inFolder('plugin'), script),
    interactiveMode: 'Never',
  },
})
const gives = (status: Record<string, unknown>) =>
  `cat <<'END'\n${JSON.stringify({ apiVersion: 'client.authentication.k8s.io/v1', kind: 'ExecCredential', status })}\nEND`

describe('headers', () => {
  it.each<[string, Record<string, unknown> | undefined, Record<string, unknown>]>([
    ['no user', undefined, {}],
    ['a user without anything', {}, {}],
    ['a token', { token: 't0k' }, { Authorization: 'Bearer t0k' }],
    [
      'a password',
      { username: 'jürgen', password: 'p:w' },
      { Authorization: `Basic ${base64('jürgen:p:w')}` },
    ],
    ['a token before a password', { token: 't0k', username: 'u' }, { Authorization: 'Bearer t0k' }],
    [
      'impersonation',
      { token: 't', as: 'boss', 'as-uid': '1', 'as-groups': ['a', 'b'], 'as-user-extra': { k: ['v'] } },
      {
        Authorization: 'Bearer t',
        'Impersonate-User': 'boss',
        'Impersonate-Uid': '1',
        'Impersonate-Group': ['a', 'b'],
        'Impersonate-Extra-k': ['v'],
      },
    ],
  ])('of %s', async (_what, user, headers) => {
    configure(user)
    expect(await open().headers()).toEqual(headers)
  })

  it('are of a token rather than of a plugin, which then is not run', async () => {
    configure({ token: 't0k', ...exec(`touch ${inFolder('ran')}`) })
    const credentials = open()
    expect(await credentials.headers()).toEqual({ Authorization: 'Bearer t0k' })
    expect(await credentials.tls()).toEqual({ skipVerify: false })
    expect(existsSync(inFolder('ran'))).toBe(false)
  })

  it.each([
    ['a token', { token: 's3cr3t\r\nX-Evil: yes' }],
    ['a group', { token: 's3cr3t', as: 'me', 'as-groups': ['a\nImpersonate-Group: system:masters'] }],
  ])('never get a line from %s', async (_what, user) => {
    configure(user)
    const problem = await problemOf(open().headers())
    expect(problem).toMatchObject({
      code: 'target-misconfigured',
      cause: expect.stringContaining('line breaks'),
    })
    expect(JSON.stringify(problem)).not.toContain('s3cr3t')
  })
})

describe('TLS', () => {
  let one: TestCertificate
  let two: TestCertificate
  beforeEach(() => {
    one = makeCertificate(folder, 'one')
    two = makeCertificate(folder, 'two')
  })

  it('has what stands in the kubeconfig, data before files', async () => {
    configure(
      {
        'client-certificate-data': base64(one.cert),
        'client-certificate': '/none',
        'client-key-data': base64(one.key),
      },
      {
        'certificate-authority-data': base64(two.cert),
        'certificate-authority': '/none',
        'tls-server-name': 'n',
      },
    )
    const credentials = open()
    expect(await credentials.tls()).toEqual({ ...one, ca: two.cert, serverName: 'n', skipVerify: false })
    expect(await credentials.headers()).toEqual({})
  })

  it('follows files that are rotated, also one after the other', async () => {
    configure({ 'client-certificate': 'cert', 'client-key': 'key' }, { 'certificate-authority': 'ca' })
    const write = (name: string, content: string) => writeFileSync(inFolder(name), content)
    write('ca', one.cert)
    write('cert', one.cert)
    write('key', one.key)
    let rotating: (() => void) | undefined
    const { credentials } = machine({}, async () => {
      rotating?.()
      rotating = undefined
    })()
    expect(await credentials.tls()).toEqual({ ...one, ca: one.cert, skipVerify: false })
    write('ca', two.cert)
    write('cert', two.cert)
    rotating = () => write('key', two.key)
    expect(await credentials.tls()).toEqual({ ...two, ca: two.cert, skipVerify: false })
    expect(rotating).toBeUndefined()
  })

  it('verifies nothing where the kubeconfig says so, and then needs no authority', async () => {
    configure({}, { 'insecure-skip-tls-verify': true, 'certificate-authority': '/none' })
    expect(await open().tls()).toEqual({ skipVerify: true })
  })

  it('has the certificate that a plugin gives, of the same run as the headers', async () => {
    const status = { token: 't', clientCertificateData: one.cert, clientKeyData: one.key }
    configure(exec(`echo run >> ${inFolder('runs')}\n${gives(status)}`))
    const credentials = open()
    const [tls, headers] = await Promise.all([credentials.tls(), credentials.headers()])
    expect(tls).toEqual({ ...one, skipVerify: false })
    expect(headers).toEqual({ Authorization: 'Bearer t' })
    expect(readFileSync(inFolder('runs'), 'utf8')).toBe('run\n')
  })

  it.each<[string, () => [Record<string, unknown>, Record<string, unknown>?], RegExp]>([
    ['an authority that is not there', () => [{}, { 'certificate-authority': 'none' }], /authority.*ENOENT/],
    [
      'a key that is not there',
      () => [{ 'client-certificate-data': base64(one.cert), 'client-key': 'none' }],
      /key.*ENOENT/,
    ],
    [
      'another key',
      () => [{ 'client-certificate-data': base64(one.cert), 'client-key-data': base64(two.key) }],
      /not a pair/,
    ],
    [
      'no PEM',
      () => [{ 'client-certificate-data': base64('s3cr3t'), 'client-key-data': base64('s3cr3t') }],
      /not a pair, or not in PEM/,
    ],
  ])('with %s is a Problem', async (_what, arrange, cause) => {
    configure(...arrange())
    const problem = await problemOf(open().tls())
    expect(problem).toMatchObject({ code: 'target-misconfigured', cause: expect.stringMatching(cause) })
    expect(JSON.stringify(problem)).not.toContain('s3cr3t')
  })
})

describe('while the kubeconfig changes', () => {
  it('what holds now is given', async () => {
    configure({ token: 'one' })
    const { credentials } = machine()()
    expect(await credentials.headers()).toEqual({ Authorization: 'Bearer one' })
    configure({ token: 'two', as: 'boss' }, { 'tls-server-name': 'n' })
    expect(await credentials.headers()).toEqual({ Authorization: 'Bearer two', 'Impersonate-User': 'boss' })
    expect(await credentials.tls()).toEqual({ serverName: 'n', skipVerify: false })
    configure(exec(gives({ token: 'three' })))
    expect(await credentials.headers()).toEqual({ Authorization: 'Bearer three' })
  })

  it('a run of a plugin that is configured no more is ended, and whoever waits gets what is', async () => {
    configure(exec(`echo $$ > ${inFolder('pid')}; exec sleep 1000`))
    const credentials = open()
    const waiting = credentials.headers()
    await vi.waitFor(() => expect(readFileSync(inFolder('pid'), 'utf8')).toMatch(/\d\n/))
    configure({ token: 'now' })
    expect(await credentials.headers()).toEqual({ Authorization: 'Bearer now' })
    expect(await waiting).toEqual({ Authorization: 'Bearer now' })
  })

  it.each<[string, () => void, RegExp]>([
    ['the context is gone', () => writeFileSync(inFolder('config'), '{}'), /not in the kubeconfig any more/],
    ['the file is gone', () => rmSync(inFolder('config')), /not in the kubeconfig any more/],
    ['the server is another', () => configure({}, { server: 'https://other' }), /another one/],
    ['the user is broken', () => configure({ exec: { command: 7 } }), /user "me" is not valid/],
  ])('it is a Problem that %s', async (_what, change, cause) => {
    configure({ token: 't' }, { 'proxy-url': 'http://p:1' })
    const access = machine()()
    expect(access.proxy).toBe('http://p:1')
    change()
    for (const asked of [access.credentials.headers(), access.credentials.tls()]) {
      expect(await problemOf(asked)).toMatchObject({
        code: 'target-misconfigured',
        cause: expect.stringMatching(cause),
      })
    }
    expect(access.credentials.refusal()).toMatchObject({ code: 'target-misconfigured' })
    expect(access.proxy).toBeUndefined()
  })
})

describe('sharing', () => {
  it('contexts and namespaces of one user share one run, and the last of them ends it', async () => {
    configure(
      exec(
        `echo run >> ${inFolder('runs')}; while [ ! -e ${inFolder('go')} ]; do sleep 0.05; done\n${gives({ token: 't' })}`,
      ),
    )
    const access = machine()
    const all = ['x/default', 'x/other', 'y/default'].map((target) => access(target).credentials)
    const asked = Promise.all(all.map((credentials) => credentials.headers()))
    all[0]?.dispose()
    writeFileSync(inFolder('go'), '')
    expect(await asked).toEqual(all.map(() => ({ Authorization: 'Bearer t' })))
    expect(readFileSync(inFolder('runs'), 'utf8')).toBe('run\n')
  })

  it('ends a plugin that runs when its credentials are disposed of', async () => {
    configure(exec(`echo $$ > ${inFolder('pid')}; exec sleep 1000`))
    const credentials = open()
    const asked = problemOf(credentials.headers())
    await vi.waitFor(() => expect(readFileSync(inFolder('pid'), 'utf8')).toMatch(/\d\n/))
    credentials.dispose()
    expect(await asked).toMatchObject({ code: 'cancelled' })
  })
})

describe('a refusal', () => {
  it('of a token reads the kubeconfig again', async () => {
    configure({ token: 'one' })
    const credentials = open()
    const headers = await credentials.headers()
    configure({ token: 'two' })
    credentials.rejected(headers)
    expect(await credentials.headers()).toEqual({ Authorization: 'Bearer two' })
  })

  it('of a plugin’s token has it give another, once', async () => {
    configure(exec(`echo run >> ${inFolder('runs')}\n${gives({ token: 't' })}`))
    const credentials = open()
    const first = await credentials.headers()
    for (let times = 0; times < 3; times += 1) credentials.rejected(first)
    const second = await credentials.headers()
    credentials.rejected(first)
    await credentials.headers()
    expect(readFileSync(inFolder('runs'), 'utf8')).toBe('run\nrun\n')
    credentials.rejected(second)
    await credentials.headers()
    expect(readFileSync(inFolder('runs'), 'utf8')).toBe('run\nrun\nrun\n')
  })

  it.each<[string, () => Record<string, unknown> | undefined, string, RegExp]>([
    ['nobody', () => undefined, 'credentials-failed', /without any credentials/],
    ['a token', () => ({ token: 's3cr3t' }), 'credentials-failed', /token of the user "me" was not accepted/],
    ['an expired token', () => ({ token: makeToken(1e12) }), 'credentials-expired', /expired, 2001-09-09/],
    [
      'a password',
      () => ({ username: 'u', password: 's3cr3t' }),
      'credentials-failed',
      /user name or password/,
    ],
    ['a plugin', () => exec(gives({ token: 's3cr3t' })), 'credentials-failed', /plugin "plugin"/],
    [
      'a certificate',
      () => {
        const { cert, key } = makeCertificate(folder, 'me')
        return { 'client-certificate-data': base64(cert), 'client-key-data': base64(key) }
      },
      'credentials-failed',
      /client certificate of the user "me"/,
    ],
  ])('of %s is told', async (_what, user, code, cause) => {
    configure(user())
    const credentials = open()
    await credentials.tls()
    await credentials.headers()
    const problem = credentials.refusal()
    expect(problem).toMatchObject({ code, cause: expect.stringMatching(cause) })
    expect(problem.remedy).not.toBe('')
    expect(JSON.stringify(problem)).not.toContain('s3cr3t')
  })

  it('of a certificate tells when it has expired', async () => {
    const { cert, key } = makeCertificate(folder, 'me')
    configure({ 'client-certificate-data': base64(cert), 'client-key-data': base64(key) })
    const credentials = open()
    await credentials.tls()
    const later = Date.now() + 48 * 3_600_000
    vi.spyOn(Date, 'now').mockReturnValue(later)
    const platform = createNodePlatform({
      version: '0',
      resources: folder,
      env: { HOME: folder, KUBECONFIG: inFolder('config') },
    })
    const accesses = new ClusterAccesses(
      { ...platform, clock: { ...platform.clock, now: () => later } },
      new KubeconfigStore(platform),
    )
    const late = accesses.open({ id: 'kubernetes:x/default', endpoint: 'https://host:6443' }).credentials
    opened.push(late)
    await late.tls()
    expect(late.refusal()).toMatchObject({
      code: 'credentials-expired',
      cause: expect.stringContaining('client certificate'),
    })
  })
})

describe('the proxy', () => {
  it('is that of the cluster, else that of the environment', () => {
    configure({}, { 'proxy-url': 'socks5://p:1' })
    const access = machine({ HTTPS_PROXY: 'env:3128', NO_PROXY: 'other' })()
    expect(access.proxy).toBe('socks5://p:1')
    configure({})
    expect(access.proxy).toBe('http://env:3128')
    expect(access.server).toBe('https://host:6443')
    expect(machine({ HTTPS_PROXY: 'env:3128', NO_PROXY: 'host' })().proxy).toBeUndefined()
  })
})
