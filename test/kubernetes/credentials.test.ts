import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { Driver, TargetDescription } from '../../main/engine/drivers/driver'
import { KubernetesDriver } from '../../main/engine/drivers/kubernetes/driver'
import { createClusterProvider } from '../../main/engine/drivers/kubernetes/provider'
import { definitionOf, never, testPlatform, Watcher } from '../conformance/harness'
import { command } from '../harness/command'
import {
  type Certificate,
  certificateIn,
  makeAuthority,
  makeCertificate,
} from '../harness/kubernetes/certificates'
import { type OwnCluster, startCluster } from '../harness/kubernetes/cluster'
import type { TestNamespace } from '../harness/kubernetes/namespaces'
import { binariesProblem, kubernetesBinaries } from '../harness/kubernetes/shared'
import { problemOf } from '../harness/problems'

const problem = binariesProblem()
const suffix = problem ? ` (skipped: ${problem})` : ''
const opened: (() => unknown)[] = []
let folder: string
let cluster: OwnCluster
let namespace: TestNamespace
let authority: Certificate

beforeAll(async () => {
  if (problem) return
  folder = mkdtempSync(join(tmpdir(), 'berth-credentials-'))
  cluster = await startCluster({ binaries: kubernetesBinaries(), node: false })
  namespace = await cluster.makeNamespace()
  authority = certificateIn(join(cluster.folder, 'control-plane'), 'ca')
})

afterEach(async () => {
  for (const close of opened.splice(0).reverse()) await close()
})

afterAll(async () => {
  await cluster?.dispose()
  if (folder) rmSync(folder, { recursive: true, force: true })
})

interface Access {
  /** Absent: the cluster's own. */
  readonly server?: string
  readonly authority?: string
  readonly user: object
}

/** A driver as of a kubeconfig that says this. */
function openDriver({ server, authority: trusted = authority.certificate, user }: Access): Driver {
  const file = join(folder, `kubeconfig-${opened.length}-${Date.now()}`)
  const cluster_ = { server: server ?? cluster.server, 'certificate-authority': trusted }
  writeFileSync(
    file,
    JSON.stringify({
      apiVersion: 'v1',
      kind: 'Config',
      clusters: [{ name: 'there', cluster: cluster_ }],
      users: [{ name: 'me', user }],
      contexts: [{ name: 'here', context: { cluster: 'there', user: 'me', namespace: namespace.name } }],
      'current-context': 'here',
    }),
    { mode: 0o600 },
  )
  const { platform, dispose } = testPlatform({ KUBECONFIG: file })
  opened.push(dispose)
  const provider = createClusterProvider(platform, (parts) => new KubernetesDriver(parts))
  let target: TargetDescription | undefined
  opened.push(
    provider.watchTargets(([first]) => {
      target = first
    }),
  )
  if (!target) throw new Error('the kubeconfig has no context')
  const driver = provider.open(target)
  opened.push(() => driver.dispose())
  return driver
}

const kubectl = (...args: string[]) => cluster.kubectl('-n', namespace.name, ...args)

/** A token of the namespace's user that is good as long as the Secret of this name is there. */
async function tokenBoundTo(secret: string): Promise<string> {
  await kubectl('create', 'secret', 'generic', secret)
  const request = join(folder, 'request.json')
  writeFileSync(
    request,
    JSON.stringify({
      apiVersion: 'authentication.k8s.io/v1',
      kind: 'TokenRequest',
      spec: {
        expirationSeconds: 3600,
        boundObjectRef: { apiVersion: 'v1', kind: 'Secret', name: secret },
      },
    }),
  )
  const path = `/api/v1/namespaces/${namespace.name}/serviceaccounts/developer/token`
  const answer = await kubectl('create', '--raw', path, '-f', request)
  return (JSON.parse(answer) as { status: { token: string } }).status.token
}

/** An API server remembers for ten seconds at most that a token was good. */
async function untilRefused(token: string): Promise<void> {
  const driver = openDriver({ user: { token } })
  while (!(await problemOf(driver.probe(never)))) await new Promise((resolve) => setTimeout(resolve, 500))
}

async function certificate(commonName: string, name: string): Promise<Certificate> {
  const made = certificateIn(folder, name)
  await makeCertificate(authority, made, { commonName })
  return made
}

/** One that was good yesterday. */
async function expired(name: string): Promise<Certificate> {
  const made = certificateIn(folder, name)
  const request = join(folder, `${name}.request`)
  const extensions = join(folder, `${name}.extensions`)
  writeFileSync(extensions, 'extendedKeyUsage=clientAuth\n')
  await command('openssl', [
    ...['req', '-new', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'],
    ...['-subj', '/CN=ann', '-keyout', made.key, '-out', request],
  ])
  await command('openssl', [
    ...['x509', '-req', '-in', request, '-extfile', extensions, '-days', '-1', '-set_serial', '0x1234'],
    ...['-CA', authority.certificate, '-CAkey', authority.key, '-out', made.certificate],
  ])
  return made
}

describe.skipIf(problem !== undefined)(`credentials that end in mid-stream${suffix}`, () => {
  it('are renewed by their plugin, one run for all who ask, and the watch goes on', async () => {
    const first = await tokenBoundTo('first')
    const tokenFile = join(folder, 'token')
    const runs = join(folder, 'runs')
    writeFileSync(tokenFile, first)
    const plugin = join(folder, 'plugin')
    // Slow enough for a second one to be seen, were there one.
    writeFileSync(
      plugin,
      `#!/bin/sh
mkdir '${runs}.now' || echo twice >> '${runs}'
echo run >> '${runs}'
sleep 0.5
rmdir '${runs}.now'
printf '{"apiVersion":"client.authentication.k8s.io/v1beta1","kind":"ExecCredential","status":{"token":"%s"}}' "$(cat '${tokenFile}')"
`,
      { mode: 0o755 },
    )
    const exec = { apiVersion: 'client.authentication.k8s.io/v1beta1', command: plugin }
    const driver = openDriver({ user: { exec } })
    const watcher = new Watcher(driver)
    opened.push(() => watcher.stop())
    await watcher.until(() => watcher.events.length > 0, 'a snapshot', 60_000)
    const told = watcher.events.length
    expect(readFileSync(runs, 'utf8')).toBe('run\n')

    writeFileSync(tokenFile, await tokenBoundTo('second'))
    await kubectl('delete', 'secret', 'first')
    await untilRefused(first)
    await Promise.all(Array.from({ length: 20 }, () => driver.probe(never)))
    expect(readFileSync(runs, 'utf8')).toBe('run\nrun\n')

    // Its connections are gone with the API server, and the next ones are made with what holds now.
    await cluster.restartApiServer()
    await driver.probe(never)
    await kubectl('create', '-f', workspaceObject('tabcdefghi'))
    await watcher.until(() => watcher.events.length > told, 'what came after', 60_000)
    expect(readFileSync(runs, 'utf8')).toBe('run\nrun\n')
  })

  it('of a token file and of a certificate file are taken when they are rotated, while all goes on', async () => {
    const first = await tokenBoundTo('third')
    const tokenFile = join(folder, 'rotated')
    writeFileSync(tokenFile, first)
    const byToken = openDriver({ user: { tokenFile } })
    await byToken.probe(never)
    writeFileSync(tokenFile, await tokenBoundTo('fourth'))
    await kubectl('delete', 'secret', 'third')
    await untilRefused(first)
    expect(await problemOf(byToken.probe(never))).toBeUndefined()

    await kubectl('create', 'rolebinding', 'people', '--role=berth', '--user=ann', '--user=bea')
    const files = certificateIn(folder, 'current')
    const use = ({ certificate, key }: Certificate) => {
      copyFileSync(key, files.key)
      copyFileSync(certificate, files.certificate)
    }
    use(await certificate('ann', 'ann'))
    const byCertificate = openDriver({
      user: { 'client-certificate': files.certificate, 'client-key': files.key },
    })
    // The server hears of the binding a moment later.
    await expect.poll(() => problemOf(byCertificate.probe(never))).toBeUndefined()
    use(await certificate('cleo', 'cleo'))
    const who = async () => (await problemOf(byCertificate.probe(never)))?.cause
    while (!(await who())?.includes('"cleo"')) await new Promise((resolve) => setTimeout(resolve, 500))
    use(await certificate('bea', 'bea'))
    while (await who()) await new Promise((resolve) => setTimeout(resolve, 500))
  })
})

describe.skipIf(problem !== undefined)(`what does not get in${suffix}`, () => {
  it('is told: a token that is good no more, and a client certificate that has expired', async () => {
    const token = await tokenBoundTo('fifth')
    await kubectl('delete', 'secret', 'fifth')
    await untilRefused(token)
    expect(await problemOf(openDriver({ user: { token } }).probe(never))).toMatchObject({
      code: 'credentials-failed',
      remedy: expect.stringContaining('Log in'),
    })
    const { certificate, key } = await expired('old')
    const user = { 'client-certificate': certificate, 'client-key': key }
    expect(await problemOf(openDriver({ user }).probe(never))).toMatchObject({
      code: 'credentials-expired',
      cause: expect.stringContaining('has expired'),
    })
  })

  it('is told: an API server of an authority that nobody named, and one that is not there', async () => {
    const other = certificateIn(folder, 'other-authority')
    await makeAuthority(other)
    const user = { token: 'any' }
    expect(await problemOf(openDriver({ user, authority: other.certificate }).probe(never))).toMatchObject({
      code: 'tls-failed',
      cause: expect.stringContaining('not signed by an authority that the kubeconfig trusts'),
    })
    expect(await problemOf(openDriver({ user, server: 'https://127.0.0.1:9' }).probe(never))).toMatchObject({
      code: 'target-unreachable',
      cause: expect.stringContaining('Nothing answers'),
    })
  })
})

/** Path of a claim as one of a workspace of Berth's. */
function workspaceObject(id: string): string {
  const file = join(folder, `${id}.json`)
  const user = { name: 'dev', uid: 1000, gid: 1000, home: '/home/dev' }
  const definition = definitionOf({})
  writeFileSync(
    file,
    JSON.stringify({
      apiVersion: 'v1',
      kind: 'PersistentVolumeClaim',
      metadata: {
        name: `ws-${id}`,
        labels: { 'app.kubernetes.io/managed-by': 'berth', 'berth.dev/workspace': id },
        annotations: {
          'berth.dev/name': 'app',
          'berth.dev/source': JSON.stringify({ kind: 'image', image: 'debian' }),
          'berth.dev/definition': JSON.stringify(definition),
          'berth.dev/user': JSON.stringify(user),
          'berth.dev/complete': 'true',
        },
      },
      spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Mi' } } },
    }),
  )
  return file
}
