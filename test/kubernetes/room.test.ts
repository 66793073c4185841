import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type KubernetesOptions, kubernetesTargetId, parseKubernetesTargetId } from '#contract'
import type { ClusterVerbs, Driver, TargetDescription } from '../../main/engine/drivers/driver'
import { createClusterProvider } from '../../main/engine/drivers/kubernetes/provider'
import { definitionOf, never, newId, Recorder, testPlatform } from '../conformance/harness'
import { TEST_IMAGES } from '../harness/images'
import type { TestCluster } from '../harness/kubernetes/cluster'
import type { TestNamespace } from '../harness/kubernetes/namespaces'
import { sharedCluster } from '../harness/kubernetes/shared'

const opened: (() => unknown)[] = []
let cluster: TestCluster
let namespace: TestNamespace
let folder: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'berth-room-'))
  cluster = await sharedCluster()
  namespace = await cluster.makeNamespace()
})
afterAll(async () => {
  for (const close of opened.reverse()) await close()
  await namespace?.dispose()
  await rm(folder, { recursive: true, force: true })
})

const asAdmin = (...args: string[]) => cluster.kubectl('-n', namespace.name, ...args)

function openDriver(kubeconfig = namespace.kubeconfig): Driver & { readonly cluster: ClusterVerbs } {
  const { platform, dispose } = testPlatform({ KUBECONFIG: kubeconfig })
  opened.push(dispose)
  const provider = createClusterProvider(platform)
  let target: TargetDescription | undefined
  opened.push(
    provider.watchTargets(([first]) => {
      target = first
    }),
  )
  if (!target) throw new Error('the kubeconfig has no context')
  const { context } = parseKubernetesTargetId(target.id)
  const driver = provider.open({ ...target, id: kubernetesTargetId(context, namespace.name) })
  opened.push(() => driver.dispose())
  const { cluster: verbs } = driver
  if (!verbs) throw new Error('it is no cluster')
  return Object.assign(driver, { cluster: verbs })
}

async function make(driver: Driver, id: string, kubernetes: KubernetesOptions): Promise<void> {
  const definition = definitionOf({ image: TEST_IMAGES.alpine })
  const image = await driver.resolveImage(
    { definition, workspaceId: id, refresh: true, kubernetes },
    new Recorder(),
    never,
  )
  const spec = {
    id,
    name: `room-${id}`,
    owner: 'ann',
    source: { kind: 'image', image: TEST_IMAGES.alpine } as const,
    definition,
    image,
    createdAt: Date.now(),
    kubernetes,
  }
  await driver.create(spec, { replace: false }, new Recorder(), never)
  await driver.commit(id, never)
  await driver.start(id, new Recorder(), never)
}

describe('the room of a namespace', () => {
  it('is told to a developer with the Role alone, and judged as the cluster then does', async () => {
    const driver = openDriver()
    const free = await driver.cluster.room(undefined, never)
    expect(free).toEqual({ allowances: [], bounds: [], unknown: ['list storageclasses.storage.k8s.io'] })

    await namespace.makeQuota('team', 'requests.cpu=300m,requests.memory=256Mi,limits.memory=256Mi,pods=5')
    const options = { requests: { cpu: '300m', memory: '64Mi' }, limits: { memory: '256Mi' } }
    expect((await driver.cluster.room(undefined, never)).problem).toMatchObject({
      code: 'quota-exceeded',
      cause: expect.stringContaining('CPU'),
    })
    expect((await driver.cluster.room(options, never)).problem).toBeUndefined()

    // All of it, to the last bit: what looks into the image has to fit as well.
    const id = newId()
    await make(driver, id, options)
    await expect
      .poll(async () => (await driver.cluster.room(options, never)).allowances)
      .toContainEqual({
        quota: 'team',
        resource: 'requests.cpu',
        limit: '300m',
        used: '300m',
        left: '0',
        share: 1,
      })
    const { problem } = await driver.cluster.room(
      { ...options, requests: { cpu: '1m', memory: '1Mi' } },
      never,
    )
    expect(problem?.cause).toContain('CPU: 1m asked for, 0 of 300m left in the quota "team"')
    // And the cluster agrees.
    await expect(make(driver, newId(), options)).rejects.toMatchObject({
      problem: { code: 'quota-exceeded' },
    })
    // Files of one that does not run are reached by a pod, which this quota wants to know the amounts of.
    await driver.stop(id, { grace: 1_000 }, new Recorder(), never)
    const names: string[] = []
    for await (const chunk of await driver.read(id, '/etc/passwd', never)) names.push(String(chunk))
    expect(names.join('')).toContain('root:')
    await driver.remove(id, new Recorder(), never)
    await asAdmin('delete', 'quota', 'team')
    // What ends counts in the next quota until it has ended.
    await expect.poll(() => asAdmin('get', 'pods', '-o', 'name')).toBe('')
  })

  it('has bounds, and defaults for what is not said', async () => {
    const driver = openDriver()
    const range = {
      apiVersion: 'v1',
      kind: 'LimitRange',
      metadata: { name: 'each' },
      spec: {
        limits: [
          {
            type: 'Container',
            max: { cpu: '1' },
            default: { cpu: '500m', memory: '128Mi' },
            defaultRequest: { cpu: '100m', memory: '64Mi' },
          },
          { type: 'PersistentVolumeClaim', max: { storage: '12Gi' } },
        ],
      },
    }
    await writeFile(join(folder, 'range.json'), JSON.stringify(range))
    await asAdmin('create', '-f', join(folder, 'range.json'))
    await namespace.makeQuota('all', 'requests.cpu=150m,limits.memory=128Mi')
    // Its controller may have seen a pod that has ended since.
    await expect
      .poll(() => asAdmin('get', 'quota', 'all', '-o', 'jsonpath={.status.used.requests\\.cpu}'), {
        timeout: 60_000,
      })
      .toBe('0')
    const { bounds, problem } = await driver.cluster.room(undefined, never)
    expect(problem).toBeUndefined()
    expect(bounds).toContainEqual({
      of: 'container',
      resource: 'cpu',
      max: '1',
      defaultRequest: '100m',
      defaultLimit: '500m',
    })
    const asked = await driver.cluster.room({ limits: { cpu: '2' }, storage: '20Gi' }, never)
    expect(asked.problem?.code).toBe('limit-range')
    expect(asked.problem?.cause).toContain('1 of CPU at most')
    expect(asked.problem?.cause).toContain('12Gi of Storage at most')
    // The defaults leave room for one container and not for the two that look into an image.
    const id = newId()
    await make(driver, id, {})
    await driver.remove(id, new Recorder(), never)
  })

  it('has the storage classes, for who may list them', async () => {
    const { storageClasses, unknown, problem } = await openDriver(cluster.kubeconfig).cluster.room(
      { storageClass: 'no-such' },
      never,
    )
    expect(storageClasses).toContainEqual({ name: 'standard', isDefault: true, grows: true })
    expect(unknown).toEqual([])
    expect(problem).toMatchObject({
      code: 'storage-class-missing',
      cause: expect.stringContaining('standard'),
    })
  })
})

describe('namespaces', () => {
  const hold = (name: string, finalizers: readonly string[] | null) =>
    cluster.kubectl(
      ...['-n', name, 'patch', 'configmap', 'held', '--type=merge', '-p'],
      JSON.stringify({ metadata: { finalizers } }),
    )

  it('are listed and made by who may', async () => {
    const driver = openDriver(cluster.kubeconfig)
    const { all, mayCreate } = await driver.cluster.namespaces(never)
    expect(all).toContain(namespace.name)
    expect(mayCreate).toBe(true)
    const name = `berth-${newId()}`
    await driver.cluster.makeNamespace(name, never)
    try {
      await driver.cluster.makeNamespace(name, never)
      expect(await cluster.kubectl('get', 'namespace', name, '-o', 'name')).toContain(name)
      // One that is on its way out is none.
      await cluster.kubectl('-n', name, 'create', 'configmap', 'held')
      await hold(name, ['berth.test/hold'])
      await cluster.kubectl('delete', 'namespace', name, '--wait=false')
      await expect(driver.cluster.makeNamespace(name, never)).rejects.toMatchObject({
        problem: { code: 'namespace-missing', title: expect.stringContaining('being deleted') },
      })
    } finally {
      await hold(name, null).catch(() => undefined)
      await cluster.kubectl('delete', 'namespace', name, '--wait=false', '--ignore-not-found')
    }
  })

  it('are neither for a developer of one, and the verb is named', async () => {
    const driver = openDriver()
    expect(await driver.cluster.namespaces(never)).toEqual({ mayCreate: false })
    await expect(driver.cluster.makeNamespace('mine', never)).rejects.toMatchObject({
      problem: {
        code: 'target-forbidden',
        cause: expect.stringContaining(`"${namespace.user}" may not create namespaces`),
        remedy: expect.stringContaining('kubectl create namespace mine'),
      },
    })
  })
})
