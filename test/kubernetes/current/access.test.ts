import { afterAll, beforeAll, expect, it } from 'vitest'
import type { Driver } from '../../../main/engine/drivers/driver'
import type { CommandProtocol } from '../../../main/engine/drivers/kubernetes/streams/command'
import { startExec } from '../../../main/engine/drivers/kubernetes/streams/exec'
import { ProtocolMemory } from '../../../main/engine/drivers/kubernetes/streams/protocols'
import { silentLogger } from '../../../main/engine/platform/logger'
import { makeWorkspace, never, Recorder } from '../../conformance/harness'
import { TEST_IMAGES } from '../../harness/images'
import type { TestCluster } from '../../harness/kubernetes/cluster'
import type { Rule, TestNamespace } from '../../harness/kubernetes/namespaces'
import { sharedCluster } from '../../harness/kubernetes/shared'
import { problemOf } from '../../harness/problems'
import { openOnlyTarget } from '../open-driver'
import { clientOf, without } from '../pods'

let cluster: TestCluster
let namespace: TestNamespace
let driver: Driver
let dispose: (() => Promise<void>) | undefined

beforeAll(async () => {
  cluster = await sharedCluster()
  namespace = await cluster.makeNamespace()
  const opened = openOnlyTarget(namespace.kubeconfig)
  driver = opened.driver
  dispose = opened.dispose
})

afterAll(async () => {
  await dispose?.()
  await namespace?.dispose()
})

it('says what a Role of the time before 1.35 lacks, where it may only get a websocket', async () => {
  const rules = await namespace.rules()
  const { id } = await makeWorkspace(driver, TEST_IMAGES.alpine, { definition: { remoteUser: 'dev' } })
  try {
    const streams = (rule: Rule) =>
      rule.resources.some((name) => ['pods/exec', 'pods/portforward'].includes(name))
    await namespace.setRules(rules.map((rule) => (streams(rule) ? { ...rule, verbs: ['get'] } : rule)))
    const { restriction } = await driver.probe(never)
    expect(restriction).toMatchObject({
      code: 'target-forbidden',
      cause: expect.stringContaining('may not create pods/exec; create pods/portforward'),
      remedy: expect.stringContaining('role.yaml'),
    })
    expect(restriction?.cause).toContain('Since Kubernetes 1.35')

    const refused = {
      code: 'target-forbidden',
      cause: expect.stringMatching(new RegExp(`"${namespace.user}".*create`)),
      remedy: expect.stringContaining('role.yaml'),
    }
    expect(await problemOf(driver.exec(id, { command: ['true'] }, never))).toMatchObject(refused)
    expect(await problemOf(driver.dial(id, 8000, never))).toMatchObject(refused)
    // To websockets alone the server says no more than no.
    const dependencies = {
      client: without(clientOf(namespace), 'spdy'),
      logger: silentLogger,
      protocols: new ProtocolMemory<CommandProtocol>(),
      ending: new Set<Promise<void>>(),
    }
    const exec = startExec(dependencies, `ws-${id}-0`, 'workspace', { command: ['true'] }, never)
    expect(await problemOf(exec)).toMatchObject({
      code: 'target-forbidden',
      cause: expect.stringMatching(/since Kubernetes 1\.35 .* needs "create"/),
    })
    await dependencies.client.dispose()

    await namespace.setRules(rules)
    const process = await driver.exec(id, { command: ['true'] }, never)
    process.stdout.resume()
    process.stderr?.resume()
    expect((await process.exit).code).toBe(0)
    expect((await driver.probe(never)).restriction).toBeUndefined()
  } finally {
    await namespace.setRules(rules)
    await driver.remove(id, new Recorder(), never)
  }
})
