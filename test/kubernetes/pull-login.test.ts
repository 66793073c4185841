import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Driver, TargetDescription } from '../../main/engine/drivers/driver'
import { createClusterProvider } from '../../main/engine/drivers/kubernetes/provider'
import { definitionOf, never, newId, Recorder, testPlatform } from '../conformance/harness'
import { TEST_IMAGES } from '../harness/images'
import type { TestNamespace } from '../harness/kubernetes/namespaces'
import { sharedCluster } from '../harness/kubernetes/shared'
import { type Registry, startRegistry } from '../harness/registry'

const opened: (() => unknown)[] = []
let namespace: TestNamespace
let registry: Registry
let image: string

beforeAll(async () => {
  namespace = await (await sharedCluster()).makeNamespace()
  registry = await startRegistry({ password: true })
  image = await registry.push(TEST_IMAGES.alpine, `private/${newId()}`)
})
afterAll(async () => {
  for (const close of opened.reverse()) await close()
  await registry?.dispose()
  await namespace?.dispose()
})

/** On a machine whose Docker has a login for the registry, or none. */
function openDriver(login: boolean): Driver {
  const { platform, home, dispose } = testPlatform({ KUBECONFIG: namespace.kubeconfig })
  opened.push(dispose)
  const auth = Buffer.from(`${registry.user}:${registry.password}`).toString('base64')
  mkdirSync(join(home, '.docker'))
  if (login)
    writeFileSync(
      join(home, '.docker/config.json'),
      JSON.stringify({ auths: { [registry.address]: { auth } } }),
    )
  const provider = createClusterProvider(platform)
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

const kubernetes = { dockerLogin: true }
const resolve = (driver: Driver, id: string, options: typeof kubernetes | undefined) =>
  driver.resolveImage(
    {
      definition: definitionOf({ image }),
      workspaceId: id,
      refresh: true,
      ...(options && { kubernetes: options }),
    },
    new Recorder(),
    never,
  )
const secrets = async (id: string) =>
  JSON.parse(
    (await namespace.kubectl('get', 'secret', `ws-${id}-pull`, '--ignore-not-found', '-o', 'json')) || 'null',
  ) as {
    type: string
    metadata: { ownerReferences?: { kind: string; name: string }[] }
  } | null

describe('the Docker login of this machine', () => {
  it('lets the cluster pull, belongs to the workspace, and goes with it', async () => {
    const driver = openDriver(true)
    const id = newId()
    const resolved = await resolve(driver, id, kubernetes)
    expect(await secrets(id)).toMatchObject({ type: 'kubernetes.io/dockerconfigjson' })
    const spec = {
      id,
      name: `login-${id}`,
      owner: 'ann',
      source: { kind: 'image', image } as const,
      definition: definitionOf({ image }),
      image: resolved,
      createdAt: Date.now(),
      kubernetes,
    }
    await driver.create(spec, { replace: false }, new Recorder(), never)
    await driver.commit(id, never)
    await driver.start(id, new Recorder(), never)
    const secret = await secrets(id)
    expect(secret?.metadata.ownerReferences).toMatchObject([
      { kind: 'PersistentVolumeClaim', name: `ws-${id}` },
    ])
    const told = await namespace.kubectl('get', 'statefulset,pvc,pod', '-o', 'yaml')
    expect(told).toContain(`ws-${id}-pull`)
    expect(told).not.toContain(registry.password)
    await driver.remove(id, new Recorder(), never)
    expect(await secrets(id)).toBeNull()
  })

  it('is taken back with what was not made', async () => {
    const driver = openDriver(true)
    const id = newId()
    await resolve(driver, id, kubernetes)
    expect(await secrets(id)).not.toBeNull()
    await driver.discard(id, never)
    expect(await secrets(id)).toBeNull()
  })

  it('is asked for where there is none, and told to be what is missing', async () => {
    const id = newId()
    await expect(resolve(openDriver(false), id, kubernetes)).rejects.toMatchObject({
      problem: {
        code: 'registry-auth',
        title: expect.stringContaining(registry.address),
        remedy: expect.stringContaining(`docker login ${registry.address}`),
      },
    })
    // The login is there, and was not asked for.
    image = await registry.push(TEST_IMAGES.alpine, `private/${newId()}`)
    await expect(resolve(openDriver(true), id, undefined)).rejects.toMatchObject({
      problem: { code: 'registry-auth' },
    })
    expect(await secrets(id)).toBeNull()
  })
})
