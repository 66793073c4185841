import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { json } from 'node:stream/consumers'
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest'
import type { Driver } from '../../main/engine/drivers/driver'
import { never, newId, Recorder, run, specOf } from '../conformance/harness'
import { kubernetesHarness } from '../conformance/kubernetes-harness'
import { certificateIn, makeAuthority, makeCertificate } from '../harness/kubernetes/certificates'
import { problemOf, whenRefused } from '../harness/problems'

// A rule of the cluster's own, as policy engines make them: a real API server asks it before it takes an object.

const rule = 'teams.berth.test'
const words = 'every workspace here needs a label "team"'

interface Review {
  readonly request: {
    readonly uid: string
    readonly object: { readonly metadata: { readonly labels?: Readonly<Record<string, string>> } }
  }
}

const harness = kubernetesHarness()
let folder: string
let server: Server
let driver: Driver
/** Ids of workspaces that a test made, or tried to. */
const made: string[] = []

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'berth-webhook-'))
  await harness.prepare()
  driver = harness.open()
  await makeAuthority(certificateIn(folder, 'authority'))
  await makeCertificate(certificateIn(folder, 'authority'), certificateIn(folder, 'server'), {
    commonName: 'webhook',
    names: ['IP:127.0.0.1'],
  })
  const namespace = harness.namespace()
  await harness.kubectl('label', 'namespace', namespace, `berth.test/rules=${namespace}`)
})

afterAll(async () => {
  await driver?.dispose()
  await harness.dispose()
  if (folder) await rm(folder, { recursive: true })
})

beforeEach(async () => {
  const { certificate, key } = certificateIn(folder, 'server')
  server = createServer({ cert: await readFile(certificate), key: await readFile(key) }, (asked, answer) => {
    void json(asked).then((review) => {
      const { uid, object } = (review as Review).request
      const allowed = object.metadata.labels?.team !== undefined
      answer.setHeader('content-type', 'application/json')
      answer.end(
        JSON.stringify({
          apiVersion: 'admission.k8s.io/v1',
          kind: 'AdmissionReview',
          response: { uid, allowed, ...(!allowed && { status: { message: words } }) },
        }),
      )
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
})

afterEach(async () => {
  await harness.kubectl('delete', 'validatingwebhookconfiguration', harness.namespace(), '--ignore-not-found')
  for (const id of made.splice(0)) await driver.remove(id, new Recorder(), never)
  await stop()
})

async function stop(): Promise<void> {
  if (!server.listening) return
  server.closeAllConnections()
  await new Promise((resolve) => server.close(resolve))
}

/** From now on the server is asked before objects of these kinds are made in the tests' namespace. */
async function ask(group: string, resource: string): Promise<void> {
  const { port } = server.address() as AddressInfo
  const authority = await readFile(certificateIn(folder, 'authority').certificate)
  const configuration = {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'ValidatingWebhookConfiguration',
    metadata: { name: harness.namespace() },
    webhooks: [
      {
        name: rule,
        clientConfig: { url: `https://127.0.0.1:${port}/`, caBundle: authority.toString('base64') },
        rules: [{ apiGroups: [group], apiVersions: ['v1'], operations: ['CREATE'], resources: [resource] }],
        namespaceSelector: { matchLabels: { 'berth.test/rules': harness.namespace() } },
        failurePolicy: 'Fail',
        sideEffects: 'None',
        admissionReviewVersions: ['v1'],
        // Who answers has much else to do.
        timeoutSeconds: 30,
      },
    ],
  }
  const file = join(folder, `${newId()}.json`)
  await writeFile(file, JSON.stringify(configuration))
  await harness.kubectl('create', '-f', file)
}

/** Makes a workspace of which no more was asked than that it be there. */
async function make(labels: Readonly<Record<string, string>> = {}): Promise<string> {
  const spec = await specOf(driver, harness.images.small, { spec: { kubernetes: { labels } } })
  made.push(spec.id)
  await driver.create(spec, { replace: false }, new Recorder(), never)
  await driver.commit(spec.id, never)
  return spec.id
}

it('that refuses a workspace says its own words, and what meets it is let in', async () => {
  await ask('apps', 'statefulsets')
  expect(await whenRefused(() => make())).toEqual({
    code: 'admission-denied',
    title: expect.any(String),
    cause: `The cluster's rule "${rule}" refused it: ${words}`,
    remedy: expect.stringContaining('whoever runs the cluster'),
    detail: expect.stringContaining(words),
  })
  const id = await make({ team: 'blue' })
  await driver.start(id, new Recorder(), never)
  expect(await run(driver, id, ['echo', 'in'])).toMatchObject({ code: 0, stdout: 'in\n' })
})

it('that refuses its pod is told by the start', async () => {
  const id = await make()
  await ask('', 'pods')
  const refused = await whenRefused(async () => {
    await driver.start(id, new Recorder(), never)
    await driver.stop(id, { grace: 10_000 }, new Recorder(), never)
  })
  expect(refused).toMatchObject({
    code: 'admission-denied',
    title: "The cluster refuses the workspace's pod",
    cause: `The cluster's rule "${rule}" refused it: ${words}`,
  })
})

it('that does not answer is told apart from one that refuses', async () => {
  await ask('apps', 'statefulsets')
  await whenRefused(() => make())
  await stop()
  expect(await problemOf(make())).toMatchObject({
    code: 'admission-denied',
    cause: expect.stringMatching(
      new RegExp(`has to ask its rule "${rule}" first, which does not answer: .*refused`),
    ),
    remedy: expect.stringContaining('Try again'),
  })
})
