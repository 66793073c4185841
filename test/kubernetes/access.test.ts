import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Driver } from '../../main/engine/drivers/driver'
import { never, newId } from '../conformance/harness'
import type { TestCluster } from '../harness/kubernetes/cluster'
import type { TestNamespace } from '../harness/kubernetes/namespaces'
import { sharedCluster } from '../harness/kubernetes/shared'
import { problemOf } from '../harness/problems'
import { openOnlyTarget } from './open-driver'

const opened: (() => unknown)[] = []
let cluster: TestCluster
let namespace: TestNamespace

beforeAll(async () => {
  cluster = await sharedCluster()
  namespace = await cluster.makeNamespace()
})

afterAll(async () => {
  for (const close of opened.reverse()) await close()
  await namespace?.dispose()
})

function openDriver(kubeconfig: string, space?: string): Driver {
  const { driver, dispose } = openOnlyTarget(kubeconfig, space)
  opened.push(dispose)
  return driver
}

describe('probe', () => {
  it('says the version, who it is, and that the Role suffices', async () => {
    const facts = await openDriver(namespace.kubeconfig).probe(never)
    const { serverVersion } = JSON.parse(await cluster.kubectl('version', '-o', 'json')) as {
      serverVersion: { gitVersion: string }
    }
    expect(`v${facts.version}`).toBe(serverVersion.gitVersion)
    expect(facts.identity).toBe(namespace.user)
    expect(facts.restriction).toBeUndefined()
    expect(facts.denied).toEqual([])
    expect(facts.latency).toBeGreaterThan(0)
  })

  it('is content with an administrator', async () => {
    const facts = await openDriver(cluster.kubeconfig, namespace.name).probe(never)
    expect(facts.restriction).toBeUndefined()
  })

  it('names the verbs that are missing, and goes on without them where it can', async () => {
    const driver = openDriver(namespace.kubeconfig)
    const rules = await namespace.rules()
    await namespace.setRules(rules.filter(({ resources }) => !resources.includes('pods/exec')))
    const { restriction, denied } = await driver.probe(never)
    expect(denied).toEqual([
      { action: 'terminals', rights: ['get pods/exec', 'create pods/exec'] },
      { action: 'ports', rights: ['get pods/portforward', 'create pods/portforward'] },
    ])
    expect(restriction).toMatchObject({
      code: 'target-forbidden',
      remedy: expect.stringContaining('role.yaml'),
    })
    expect(restriction?.cause).toContain(
      `"${namespace.user}" may not get, create pods/exec; get, create pods/portforward in the namespace "${namespace.name}"`,
    )

    await namespace.setRules([])
    const refused = await problemOf(driver.probe(never))
    expect(refused).toMatchObject({ code: 'target-forbidden', remedy: expect.stringContaining('role.yaml') })
    expect(refused?.cause).toContain('get, list, watch, create, patch, delete statefulsets.apps')
    const [found] = await driver.diagnose(newId(), never)
    expect(found).toMatchObject({ code: 'target-forbidden', cause: expect.stringContaining(namespace.user) })
    await namespace.setRules(rules)
    expect((await driver.probe(never)).restriction).toBeUndefined()
  })
})

describe('namespaces', () => {
  it('tells one that is missing', async () => {
    const driver = openDriver(cluster.kubeconfig, 'nobody-made-it')
    const expected = { code: 'namespace-missing', title: 'There is no namespace "nobody-made-it"' }
    expect(await problemOf(driver.probe(never))).toMatchObject(expected)
    expect(await driver.diagnose(newId(), never)).toMatchObject([expected])
  })

  it('tells one that is being deleted', async () => {
    const name = `berth-${newId()}`
    await cluster.kubectl('create', 'namespace', name)
    const hold = (finalizers: readonly string[] | null) =>
      cluster.kubectl(
        ...['-n', name, 'patch', 'configmap', 'held', '--type=merge', '-p'],
        JSON.stringify({ metadata: { finalizers } }),
      )
    await cluster.kubectl('-n', name, 'create', 'configmap', 'held')
    try {
      await hold(['berth.test/hold'])
      await cluster.kubectl('delete', 'namespace', name, '--wait=false')
      const driver = openDriver(cluster.kubeconfig, name)
      const expected = { code: 'namespace-missing', title: `The namespace "${name}" is being deleted` }
      expect(await problemOf(driver.probe(never))).toMatchObject(expected)
      expect(await driver.diagnose(newId(), never)).toMatchObject([expected])
    } finally {
      await hold(null)
    }
  })
})
