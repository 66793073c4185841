import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { ProblemError } from '#contract'
import { createNodePlatform } from '../../../platform/node'
import type { Platform } from '../../../platform/platform'
import type { ExecSettings } from '../kubeconfig/model'
import { ExecGate, ExecPlugin } from './exec-plugin'
import { makeCertificate, TestClock, writeScript } from './fakes'

const V1 = 'client.authentication.k8s.io/v1'
const V1BETA1 = 'client.authentication.k8s.io/v1beta1'

let folder: string
let clock: TestClock
const plugins: ExecPlugin[] = []
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'berth-exec-'))
  clock = new TestClock()
})
afterEach(() => {
  for (const plugin of plugins.splice(0)) plugin.dispose()
  rmSync(folder, { recursive: true, force: true })
})

const inFolder = (name: string) => join(folder, name)
const runs = () => readLines('runs').length
const readLines = (name: string) =>
  // Whole lines: a shell makes a file before it writes to it.
  existsSync(inFolder(name)) ? readFileSync(inFolder(name), 'utf8').split('\n').slice(0, -1) : []
const status = (fields: Record<string, unknown>, apiVersion = V1) =>
  JSON.stringify({ apiVersion, kind: 'ExecCredential', status: fields })

/** A plugin of a shell script that notes each of its runs. */
function plugin(
  body: string,
  settings: Partial<ExecSettings> = {},
  platform: Partial<Platform> = {},
  gate = new ExecGate(),
): ExecPlugin {
  const command = writeScript(inFolder('bin/plugin'), `echo run >> "${inFolder('runs')}"\n${body}`)
  const made = new ExecPlugin({
    settings: {
      apiVersion: V1,
      command,
      args: [],
      env: [],
      provideClusterInfo: false,
      interactiveMode: 'IfAvailable',
      ...settings,
    },
    cluster: { server: 'https://host:6443', skipVerify: false },
    title: 'Logging in failed',
    platform: {
      ...createNodePlatform({
        version: '0',
        resources: folder,
        env: { PATH: process.env.PATH, HOME: folder },
      }),
      clock,
      ...platform,
    },
    gate,
  })
  plugins.push(made)
  return made
}
const problemOf = async (work: Promise<unknown>) => {
  const error = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  if (!(error instanceof ProblemError)) throw new Error(`not a Problem: ${String(error)}`)
  return error.problem
}

describe('a credential plugin', () => {
  it.each([V1, V1BETA1])('gives a token (%s)', async (apiVersion) => {
    const { current } = bound(plugin(`echo '${status({ token: 'tok-1' }, apiVersion)}'`, { apiVersion }))
    expect(await current()).toEqual({ authorization: 'Bearer tok-1' })
    expect(await current()).toEqual({ authorization: 'Bearer tok-1' })
    expect(runs()).toBe(1)
  })

  it('gives a client certificate, which is good as long as it says itself', async () => {
    const { cert, key } = makeCertificate(folder, 'me')
    const now = Date.now()
    vi.spyOn(clock, 'now').mockImplementation(() => now)
    const given = status({ clientCertificateData: cert, clientKeyData: key })
    const { current } = bound(plugin(`cat <<'END'\n${given}\nEND`))
    expect(await current()).toEqual({ cert, key })
    await current()
    expect(runs()).toBe(1)
    vi.mocked(clock.now).mockImplementation(() => now + 25 * 3_600_000)
    await current()
    expect(runs()).toBe(2)
  })

  it('is asked again 30 seconds before what it gave expires', async () => {
    const expirationTimestamp = new Date(clock.now() + 100_000).toISOString()
    const { current } = bound(plugin(`echo '${status({ token: 't', expirationTimestamp })}'`))
    await current()
    clock.advance(69_000)
    await current()
    expect(runs()).toBe(1)
    clock.advance(2_000)
    await current()
    expect(runs()).toBe(2)
  })

  it('runs once for all who wait, and once after a refusal of what all have', async () => {
    const made = plugin(
      `sleep 0.2; n=$(wc -l < "${inFolder('runs')}"); printf '%s' '${status({ token: 'N' })}' | sed "s/N/t$n/"`,
    )
    const first = await Promise.all(Array.from({ length: 20 }, () => made.current()))
    expect(runs()).toBe(1)
    for (const credential of first) made.reject(credential)
    const second = await Promise.all(Array.from({ length: 20 }, () => made.current()))
    // Late news of the first one leave the second alone.
    for (const credential of first) made.reject(credential)
    const third = await made.current()
    expect(runs()).toBe(2)
    expect(third).toBe(second[0])
    expect(third).not.toEqual(first[0])
    made.reject()
    await made.current()
    expect(runs()).toBe(3)
  })

  it('is told what the kubeconfig and the protocol say, in its environment and arguments', async () => {
    const made = plugin(
      `printf '%s' "$KUBERNETES_EXEC_INFO" > "${inFolder('info')}"; echo "$1/$2/$EXTRA" > "${inFolder('told')}"; cat > "${inFolder('stdin')}"; echo '${status({ token: 't' })}'`,
      { args: ['one', 'two words'], env: [['EXTRA', 'more']], provideClusterInfo: false },
    )
    await made.current()
    expect(JSON.parse(readFileSync(inFolder('info'), 'utf8'))).toEqual({
      apiVersion: V1,
      kind: 'ExecCredential',
      spec: { interactive: false },
    })
    expect(readLines('told')).toEqual(['one/two words/more'])
    expect(readFileSync(inFolder('stdin'), 'utf8')).toBe('')
  })

  it('is told of the cluster where it is to be', async () => {
    const { cert } = makeCertificate(folder, 'ca')
    const made = new ExecPlugin({
      settings: {
        apiVersion: V1BETA1,
        command: writeScript(
          inFolder('p'),
          `printf '%s' "$KUBERNETES_EXEC_INFO" > "${inFolder('info')}"; echo '${status({ token: 't' }, V1BETA1)}'`,
        ),
        args: [],
        env: [],
        provideClusterInfo: true,
        interactiveMode: 'Never',
      },
      cluster: {
        server: 'https://host',
        skipVerify: false,
        serverName: 'name',
        proxy: 'http://p:1',
        caFile: inFolder('ca.crt'),
        execConfig: { audience: 7 },
      },
      title: '',
      platform: createNodePlatform({ version: '0', resources: folder, env: { HOME: folder } }),
      gate: new ExecGate(),
    })
    plugins.push(made)
    await made.current()
    expect(JSON.parse(readFileSync(inFolder('info'), 'utf8')).spec.cluster).toEqual({
      server: 'https://host',
      'tls-server-name': 'name',
      'certificate-authority-data': Buffer.from(cert).toString('base64'),
      'proxy-url': 'http://p:1',
      config: { audience: 7 },
    })
  })

  it('is found in the usual places that an application started from a desktop has not on its PATH', async () => {
    writeScript(inFolder('.local/bin/my-plugin'), `echo '${status({ token: 'found' })}'`)
    const { current } = bound(plugin('', { command: 'my-plugin' }))
    expect(await current()).toEqual({ authorization: 'Bearer found' })
  })
})

describe('a credential plugin that fails', () => {
  it.each<[string, string, RegExp]>([
    ['prints nothing', 'true', /printed nothing/],
    ['prints something else', 'echo s3cr3t-value', /not JSON/],
    [
      'prints another kind',
      `echo '{"kind":"Pod","apiVersion":"v1","status":{}}'`,
      /not an ExecCredential \(kind\)/,
    ],
    ['speaks another version', `echo '${status({ token: 's3cr3t-value' }, V1BETA1)}'`, /another version/],
    ['gives no status', `echo '{"kind":"ExecCredential","apiVersion":"${V1}"}'`, /status/],
    ['gives nothing', `echo '${status({})}'`, /neither/],
    ['gives half', `echo '${status({ clientKeyData: 's3cr3t-value' })}'`, /neither|half/],
    [
      'gives no pair',
      `echo '${status({ clientCertificateData: 's3cr3t-value', clientKeyData: 'k' })}'`,
      /belong/,
    ],
    [
      'gives no time',
      `echo '${status({ token: 's3cr3t-value', expirationTimestamp: 'soon' })}'`,
      /not a time/,
    ],
    ['ends badly', 'echo "token: s3cr3t-value-that-is-long" >&2; exit 3', /exit code 3/],
    ['is killed', 'kill -9 $$', /a signal/],
  ])('because it %s', async (_what, body, cause) => {
    const problem = await problemOf(plugin(body).current())
    expect(problem).toMatchObject({ code: 'credentials-failed', cause: expect.stringMatching(cause) })
    expect(problem.remedy).not.toBe('')
    expect(JSON.stringify(problem)).not.toContain('s3cr3t-value')
  })

  it('shows what it printed to stderr, without secrets, and says that a login has expired', async () => {
    const made = plugin(
      'printf "\\033[31mThe SSO session has expired\\033[0m %s %s" "$API_TOKEN" "$2" >&2; exit 1',
      {
        args: ['--password', 'from-argument'],
        env: [['API_TOKEN', 'from-environment']],
      },
    )
    expect(await problemOf(made.current())).toMatchObject({
      code: 'credentials-expired',
      detail: 'The SSO session has expired [hidden] [hidden]',
    })
  })

  it('is not installed: the hint of the kubeconfig is the remedy', async () => {
    const made = plugin('', { command: 'berth-no-such-plugin', installHint: 'brew install it\n' })
    expect(await problemOf(made.current())).toMatchObject({
      cause: 'The credential plugin "berth-no-such-plugin" was not found.',
      remedy: 'brew install it',
    })
    const unhinted = plugin('', { command: inFolder('none') })
    expect((await problemOf(unhinted.current())).remedy).toContain('Install "none"')
  })

  it('is not run again for two seconds, and then is', async () => {
    const made = plugin('exit 1')
    const first = await problemOf(made.current())
    expect(await problemOf(made.current())).toBe(first)
    expect(runs()).toBe(1)
    clock.advance(2_000)
    await problemOf(made.current())
    expect(runs()).toBe(2)
  })

  it('gives no answer within a minute: it is ended with all that it started', async () => {
    const made = plugin(
      `sleep 1000 & echo $! > "${inFolder('child')}"; echo started > "${inFolder('up')}"; wait`,
    )
    const failing = problemOf(made.current())
    await vi.waitFor(() => expect(existsSync(inFolder('up'))).toBe(true))
    clock.advance(60_000)
    expect(await failing).toMatchObject({ cause: expect.stringContaining('within 60 seconds') })
    await gone(Number(readLines('child')[0]))
    expect(clock.sleeping).toBe(0)
  })
})

describe('giving up', () => {
  const slow = () =>
    plugin(
      `sleep 1000 & echo $! > "${inFolder('child')}"; while [ ! -e "${inFolder('go')}" ]; do sleep 0.05; done; kill $!; echo '${status({ token: 't' })}'`,
    )
  const started = () => vi.waitFor(() => expect(readLines('child')).toHaveLength(1))

  it('ends the process when nobody waits any more', async () => {
    const made = slow()
    const controller = new AbortController()
    const waiting = [made.current(controller.signal), made.current(controller.signal)].map(problemOf)
    await started()
    controller.abort()
    for (const work of waiting) expect(await work).toMatchObject({ code: 'cancelled' })
    await gone(Number(readLines('child')[0]))
  })

  it('leaves it to those who still wait', async () => {
    const made = slow()
    const controller = new AbortController()
    const leaving = problemOf(made.current(controller.signal))
    const staying = made.current()
    await started()
    controller.abort()
    expect(await leaving).toMatchObject({ code: 'cancelled' })
    writeScript(inFolder('go'), '')
    expect(await staying).toEqual({ authorization: 'Bearer t' })
    expect(runs()).toBe(1)
  })

  it('starts nothing for whoever had given up before', async () => {
    expect(await problemOf(slow().current(AbortSignal.abort()))).toMatchObject({ code: 'cancelled' })
    expect(runs()).toBe(0)
  })
})

describe('asking a person', () => {
  it('is refused where there is no terminal, when the plugin cannot do without', async () => {
    const made = plugin('true', { interactiveMode: 'Always' })
    expect(await problemOf(made.current())).toMatchObject({ cause: expect.stringContaining('no terminal') })
    expect(runs()).toBe(0)
  })

  it.each([
    ['Always', true],
    ['IfAvailable', true],
    ['Never', false],
  ] as const)('with a terminal and interactiveMode %s: %s', async (interactiveMode, expected) => {
    const { processes } = createNodePlatform({ version: '0', resources: folder })
    const run = vi.fn<typeof processes.run>(async () => ({
      code: 0,
      stdout: status({ token: 't' }),
      stderr: '',
    }))
    const made = plugin(
      '',
      { interactiveMode },
      { interactive: () => true, processes: { ...processes, run } },
    )
    await made.current()
    const options = run.mock.calls[0]?.[2]
    expect(options?.terminal === true).toBe(expected)
    expect(options?.group === true).toBe(!expected)
    expect(JSON.parse(options?.env?.KUBERNETES_EXEC_INFO ?? '').spec.interactive).toBe(expected)
  })

  it('happens once at a time, whoever asks', async () => {
    const gate = new ExecGate()
    const body = `if [ -e "${inFolder('busy')}" ]; then exit 9; fi; : > "${inFolder('busy')}"; sleep 0.2; rm "${inFolder('busy')}"; echo '${status({ token: 't' })}'`
    const asked = [1, 2, 3].map(() => plugin(body, {}, { interactive: () => true }, gate).current())
    expect(await Promise.all(asked)).toHaveLength(3)
  })
})

function bound(made: ExecPlugin) {
  return { current: () => made.current() }
}

/** A process that was ended is there until its parent has taken note. */
function gone(pid: number): Promise<void> {
  return vi.waitFor(() => {
    const stat = existsSync(`/proc/${pid}/stat`) ? readFileSync(`/proc/${pid}/stat`, 'utf8') : ''
    expect(['', 'Z'], stat).toContain(stat.slice(stat.lastIndexOf(')') + 2)[0] ?? '')
  })
}
