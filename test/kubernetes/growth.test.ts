import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { V1PersistentVolumeClaim } from '@kubernetes/client-node'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { KubernetesOptions, Problem } from '#contract'
import type { Driver } from '../../main/engine/drivers/driver'
import { makeWorkspace, never, newId, Recorder, run, sh, specOf, Watcher } from '../conformance/harness'
import { kubernetesHarness } from '../conformance/kubernetes-harness'
import { problemOf } from '../harness/problems'

const harness = kubernetesHarness()
const made: string[] = []
let driver: Driver
let watcher: Watcher

beforeAll(async () => {
  await harness.prepare()
  driver = harness.open()
  watcher = new Watcher(driver)
})

afterEach(async () => {
  for (const id of made.splice(0)) await driver.remove(id, new Recorder(), never)
})

afterAll(async () => {
  await watcher?.stop()
  await driver?.dispose()
  await harness.dispose()
})

const volumeOf = (id: string) => watcher.workspaces.get(id)?.volume

async function withFile<T>(object: object, use: (file: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'berth-object-'))
  try {
    const file = join(folder, 'object.json')
    writeFileSync(file, JSON.stringify(object))
    return await use(file)
  } finally {
    rmSync(folder, { recursive: true })
  }
}

const createObject = (object: object) => withFile(object, (file) => harness.kubectl('create', '-f', file))

async function make(options: KubernetesOptions): Promise<string> {
  const id = newId()
  made.push(id)
  const spec = await specOf(driver, harness.images.small, { id, spec: { kubernetes: options } })
  await driver.create(spec, { replace: false }, new Recorder(), never)
  await driver.commit(id, never)
  return id
}

async function claimOf(id: string): Promise<V1PersistentVolumeClaim> {
  return JSON.parse(await harness.kubectl('get', 'pvc', `ws-${id}`, '-o', 'json')) as V1PersistentVolumeClaim
}

describe('a volume', () => {
  it('grows in place while the workspace runs, keeps what is on it, and stays so over a rebuild', async () => {
    const id = newId()
    made.push(id)
    const options = { storage: '16Mi' }
    const spec = await makeWorkspace(driver, harness.images.small, { id, spec: { kubernetes: options } })
    await watcher.until(() => volumeOf(id)?.size === '16Mi', 'its size')
    expect(volumeOf(id)).toEqual({ size: '16Mi', storageClass: 'standard' })
    await run(driver, id, sh('echo kept > /workspaces/app/note'))
    await watcher.until(() => watcher.workspaces.get(id)?.run === 'running', 'that it runs')
    const incarnation = watcher.workspaces.get(id)?.incarnation

    expect(await driver.grow(id, '48Mi', new Recorder(), never)).toEqual({
      size: '48Mi',
      storageClass: 'standard',
    })
    expect((await claimOf(id)).status?.capacity?.storage).toBe('48Mi')
    await watcher.until(() => volumeOf(id)?.size === '48Mi', 'its new size')
    expect(watcher.workspaces.get(id)?.incarnation).toBe(incarnation)
    expect((await run(driver, id, sh('cat /workspaces/app/note'))).stdout).toBe('kept\n')
    // Asked for again, it is there already.
    expect(await driver.grow(id, '48Mi', new Recorder(), never)).toMatchObject({ size: '48Mi' })

    const { kubernetes: _, ...again } = spec
    await driver.create(again, { replace: true }, new Recorder(), never)
    await driver.commit(id, never)
    expect((await claimOf(id)).spec?.resources?.requests?.storage).toBe('48Mi')
    expect(watcher.workspaces.get(id)?.kubernetes?.storage).toBe('48Mi')
  })

  it('never shrinks', async () => {
    const id = await make({ storage: '32Mi' })
    await driver.start(id, new Recorder(), never)
    expect(await problemOf(driver.grow(id, '16Mi', new Recorder(), never))).toMatchObject({
      code: 'invalid-input',
      title: 'A volume never shrinks',
      cause: expect.stringContaining('32Mi'),
    })
    expect((await claimOf(id)).spec?.resources?.requests?.storage).toBe('32Mi')
  })

  it('does not grow before it is there, nor where its class does not allow it', async () => {
    const id = await make({ storage: '16Mi', storageClass: 'on-first-use' })
    expect(await problemOf(driver.grow(id, '32Mi', new Recorder(), never))).toMatchObject({
      code: 'volume-pending',
    })
    await driver.start(id, new Recorder(), never)
    const refused = await problemOf(driver.grow(id, '32Mi', new Recorder(), never))
    expect(refused).toMatchObject({
      code: 'unsupported',
      cause: expect.stringContaining('"on-first-use"'),
      remedy: expect.stringContaining('allow expansion'),
    })
    expect(watcher.workspaces.get(id)?.kubernetes?.storage).toBe('16Mi')
  })

  it('tells a quota that it would go over', async () => {
    const id = await make({ storage: '16Mi' })
    await driver.start(id, new Recorder(), never)
    await harness.makeQuota('full', 'requests.storage=20Mi')
    try {
      expect(await problemOf(driver.grow(id, '32Mi', new Recorder(), never))).toMatchObject({
        code: 'quota-exceeded',
        cause: expect.stringContaining('"full"'),
      })
    } finally {
      await harness.kubectl('delete', 'quota', 'full')
    }
  })
})

describe('a storage driver that takes its time', () => {
  /** A bound claim of a class whose driver is this test. */
  async function bound(use: (id: string) => Promise<void>): Promise<void> {
    const name = `berth-${newId()}`
    await createObject({
      apiVersion: 'storage.k8s.io/v1',
      kind: 'StorageClass',
      metadata: { name },
      provisioner: 'berth.test/slow',
      allowVolumeExpansion: true,
    })
    try {
      const id = await make({ storage: '1Gi', storageClass: name })
      const { metadata, spec } = await claimOf(id)
      await createObject({
        apiVersion: 'v1',
        kind: 'PersistentVolume',
        metadata: { name },
        spec: {
          storageClassName: name,
          capacity: { storage: '1Gi' },
          accessModes: spec?.accessModes,
          hostPath: { path: `/tmp/${name}` },
          claimRef: { kind: 'PersistentVolumeClaim', namespace: metadata?.namespace, name: metadata?.name },
        },
      })
      await watcher.until(() => volumeOf(id)?.size === '1Gi', 'that it is bound', 60_000)
      await use(id)
    } finally {
      await harness.kubectl('delete', 'storageclass', name)
      await harness.kubectl('delete', 'persistentvolume', name, '--wait=false', '--ignore-not-found')
    }
  }

  /** What a resizer writes into the status of a claim. */
  async function say(id: string, status: Partial<V1PersistentVolumeClaim['status']>): Promise<void> {
    const claim = await claimOf(id)
    const path = `/api/v1/namespaces/${claim.metadata?.namespace}/persistentvolumeclaims/ws-${id}/status`
    const now = { ...claim, status: { ...claim.status, ...status } }
    await withFile(now, (file) => harness.kubectl('replace', '--raw', path, '-f', file))
  }

  const condition = (type: string) => ({ type, status: 'True', lastTransitionTime: new Date() })
  const requested = async (id: string, storage: string) => {
    while ((await claimOf(id)).spec?.resources?.requests?.storage !== storage)
      await new Promise((resolve) => setTimeout(resolve, 100))
  }

  it('is told step by step, until only the file system is left to grow', async () => {
    await bound(async (id) => {
      const report = new Recorder()
      let outcome: unknown
      const growing = driver.grow(id, '2Gi', report, never).then((volume) => {
        outcome = volume
        return volume
      })
      await requested(id, '2Gi')
      await watcher.until(() => volumeOf(id)?.asked === '2Gi', 'that it is to grow')
      expect(volumeOf(id)).toMatchObject({
        size: '1Gi',
        waitsFor: expect.stringContaining('not taken it up'),
      })
      await say(id, { conditions: [condition('Resizing')] })
      await watcher.until(() => volumeOf(id)?.waitsFor?.includes('making it larger') === true, 'the driver')
      expect(outcome).toBeUndefined()
      await say(id, { conditions: [condition('FileSystemResizePending')] })
      expect(await growing).toMatchObject({
        size: '1Gi',
        asked: '2Gi',
        waitsFor: expect.stringContaining('when the workspace starts next'),
      })
      expect(report.details).toContain('The storage driver is making it larger')
      await say(id, { conditions: [], capacity: { storage: '2Gi' } })
      await watcher.until(() => volumeOf(id)?.size === '2Gi', 'its size')
      expect(volumeOf(id)?.asked).toBeUndefined()
    })
  })

  it('that fails says why, and one that is not waited for goes on', async () => {
    await bound(async (id) => {
      const failed = problemOf(driver.grow(id, '2Gi', new Recorder(), never))
      await requested(id, '2Gi')
      const { metadata } = await claimOf(id)
      const event = (count: number) => ({
        apiVersion: 'v1',
        kind: 'Event',
        metadata: { name: `resize-${newId()}`, namespace: metadata?.namespace },
        involvedObject: {
          apiVersion: 'v1',
          kind: 'PersistentVolumeClaim',
          namespace: metadata?.namespace,
          name: metadata?.name,
          uid: metadata?.uid,
        },
        type: 'Warning',
        reason: 'VolumeResizeFailed',
        message: `resize volume failed: no space left in pool ssd-${count}`,
        count,
      })
      let found: Problem | undefined
      void failed.then((one) => {
        found = one
      })
      // The driver tries, and says so, again and again.
      for (let count = 1; !found; count++) {
        await createObject(event(count))
        await new Promise((resolve) => setTimeout(resolve, 500))
      }
      expect(found).toMatchObject({
        code: 'volume-failed',
        cause: expect.stringContaining('no space left in pool'),
      })
      expect(await driver.diagnose(id, never)).toMatchObject([{ code: 'volume-failed' }])

      const controller = new AbortController()
      const given = problemOf(driver.grow(id, '3Gi', new Recorder(), controller.signal))
      await requested(id, '3Gi')
      controller.abort()
      expect(await given).toMatchObject({ code: 'cancelled' })
      expect((await claimOf(id)).spec?.resources?.requests?.storage).toBe('3Gi')
    })
  })
})

describe('fields that somebody else manages', () => {
  it('are left to them, with a word on who that is, and the workspace stays as it was', async () => {
    const id = newId()
    made.push(id)
    const spec = await makeWorkspace(driver, harness.images.small, {
      id,
      spec: { kubernetes: { requests: { memory: '16Mi' } } },
    })
    await driver.stop(id, { grace: 1_000 }, new Recorder(), never)
    const container = (fields: object) => ({
      apiVersion: 'apps/v1',
      kind: 'StatefulSet',
      metadata: { name: `ws-${id}` },
      spec: { template: { spec: { containers: [{ name: 'workspace', ...fields }] } } },
    })
    const setting = (fields: object) =>
      withFile(container(fields), (file) =>
        harness.kubectl(
          ...['apply', '--server-side', '--force-conflicts', '--validate=false'],
          ...['--field-manager=gitops', '-f', file],
        ),
      )
    await setting({ resources: { requests: { memory: '24Mi' } } })
    const rebuild = () =>
      problemOf(
        driver.create(
          { ...spec, kubernetes: { requests: { memory: '32Mi' } } },
          { replace: true },
          new Recorder(),
          never,
        ),
      )
    const conflict = await rebuild()
    expect(conflict).toMatchObject({
      code: 'field-conflict',
      cause: expect.stringContaining('"gitops"'),
      remedy: expect.stringContaining('Nothing was overwritten'),
    })
    expect(conflict?.cause).toContain('resources.requests.memory')
    const memory = () =>
      harness.kubectl(
        ...['get', 'statefulset', `ws-${id}`, '-o'],
        'jsonpath={.spec.template.spec.containers[0].resources.requests.memory}',
      )
    expect(await memory()).toBe('24Mi')
    // Nothing half done is left, and what a person does to the workspace goes on to count.
    await watcher.until(() => watcher.workspaces.get(id)?.replacing === false, 'that it is as before')
    await driver.start(id, new Recorder(), never)
    expect((await run(driver, id, sh('exit 5'))).code).toBe(5)
    await driver.stop(id, { grace: 1_000 }, new Recorder(), never)

    await setting({})
    await harness.kubectl(
      ...['patch', 'statefulset', `ws-${id}`, '-p'],
      JSON.stringify({
        spec: container({ resources: { requests: { memory: '40Mi' } } }).spec,
      }),
    )
    expect(await rebuild()).toMatchObject({
      code: 'field-conflict',
      cause: expect.stringContaining('"kubectl-patch"'),
    })
    expect(await memory()).toBe('40Mi')
  })
})
