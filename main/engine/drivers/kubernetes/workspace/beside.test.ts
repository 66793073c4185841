import { beforeEach, describe, expect, it } from 'vitest'
import type { ClusterObject } from '#contract'
import { FakeError } from '../watch/fake-server'
import { type BesideClient, ObjectsBeside } from './beside'

interface Stored {
  readonly metadata: { readonly uid: string; readonly ownerReferences: readonly { readonly uid: string }[] }
  status?: object
}

/** Objects of one namespace by their paths, as far as they are made, found and deleted. */
class FakeNamespace implements BesideClient {
  readonly identity = { targetName: 'test', endpoint: 'https://test', namespace: 'team' }
  readonly objects = new Map<string, Stored>()
  readonly served: Readonly<Record<string, readonly string[]>> = {
    '/api/v1': ['ConfigMap', 'Pod', 'Secret'],
    '/apis/batch/v1': ['Job'],
  }
  readonly deleted: unknown[] = []
  #made = 0

  async json<T>(method: string, path: string, { json }: { readonly json?: unknown } = {}): Promise<T> {
    const kinds = this.served[path]
    if (kinds)
      return {
        resources: kinds.map((kind) => ({ name: `${kind.toLowerCase()}s`, kind, namespaced: true })),
      } as T
    if (path.includes('/secrets/')) throw new FakeError(403)
    const found = this.objects.get(path)
    if (!found) throw new FakeError(404)
    if (method === 'DELETE') {
      this.objects.delete(path)
      this.deleted.push(json)
    }
    return found as T
  }

  async apply<T>(path: string, object: unknown): Promise<T> {
    const { metadata, ...rest } = object as Stored
    const before = this.objects.get(path)
    const made = {
      ...before,
      ...rest,
      metadata: { ...metadata, uid: before?.metadata.uid ?? `uid-${++this.#made}` },
    }
    this.objects.set(path, made)
    return made as T
  }
}

const objectOf = (kind: string, name: string, more: Partial<ClusterObject> = {}): ClusterObject => ({
  apiVersion: 'v1',
  kind,
  name,
  digest: '0123456789abcdef',
  manifest: { apiVersion: more.apiVersion ?? 'v1', kind, metadata: { name } },
  ...more,
})
const job = objectOf('Job', 'work', { apiVersion: 'batch/v1', onDemand: true })
const later = { onDemand: true } as const
const path = (plural: string, name: string) =>
  `${plural === 'jobs' ? '/apis/batch/v1' : '/api/v1'}/namespaces/team/${plural}/${name}`
const report = { detail: () => undefined, progress: () => undefined, output: () => undefined }
const signal = new AbortController().signal

let namespace: FakeNamespace
let beside: ObjectsBeside
beforeEach(() => {
  namespace = new FakeNamespace()
  beside = new ObjectsBeside(namespace)
})
const make = (wanted: readonly ClusterObject[], before: readonly ClusterObject[] = []) =>
  beside.make('tabcdefghi', 'claim', wanted, before, report, signal)
const put = (...objects: readonly ClusterObject[]) =>
  beside.put('tabcdefghi', 'claim', objects, report, signal)

describe('objects on demand', () => {
  const first = objectOf('ConfigMap', 'first')
  const second = objectOf('ConfigMap', 'second', later)

  it('are made when they are asked for, and not with the others', async () => {
    await make([first, second])
    expect([...namespace.objects.keys()]).toEqual([path('configmaps', 'first')])
    await put(second)
    expect(namespace.objects.get(path('configmaps', 'second'))?.metadata.ownerReferences).toEqual([
      { apiVersion: 'v1', kind: 'PersistentVolumeClaim', name: 'ws-tabcdefghi', uid: 'claim' },
    ])
  })

  it('stay over a rebuild while the definition has them, and go when it has not', async () => {
    await make([first, second])
    await put(second)
    await make([first, second], [first, second])
    expect(namespace.objects.size).toBe(2)
    await make([first], [first, second])
    expect([...namespace.objects.keys()]).toEqual([path('configmaps', 'first')])
  })

  it('that never could be made keep no rebuild from succeeding', async () => {
    const unknown = objectOf('Route', 'web', { apiVersion: 'route.openshift.io/v1', ...later })
    const forbidden = objectOf('Secret', 'key', later)
    await make([first], [unknown, forbidden])
    expect(namespace.objects.size).toBe(1)
    await expect(put(unknown)).rejects.toMatchObject({ problem: { code: 'create-failed' } })
    await expect(make([first], [objectOf('Secret', 'key')])).rejects.toMatchObject({ status: 403 })
  })

  it("are left alone where they are somebody else's", async () => {
    const metadata = { uid: 'theirs', ownerReferences: [{ uid: 'other' }] }
    namespace.objects.set(path('configmaps', 'second'), { metadata })
    await expect(put(second)).rejects.toMatchObject({
      problem: { cause: expect.stringContaining('does not belong to this workspace') },
    })
    expect(namespace.objects.get(path('configmaps', 'second'))).toEqual({ metadata })
  })
})

describe('what runs to its end', () => {
  const uidOf = (plural: string, name: string) => namespace.objects.get(path(plural, name))?.metadata.uid
  const tell = (plural: string, name: string, status: object) =>
    Object.assign(namespace.objects.get(path(plural, name)) ?? {}, { status })

  it.each([
    ['a Job', job, 'jobs', { conditions: [{ type: 'Complete', status: 'True' }] }],
    ['a Job that failed', job, 'jobs', { conditions: [{ type: 'Failed', status: 'True' }] }],
    ['a Pod', objectOf('Pod', 'work', later), 'pods', { phase: 'Succeeded' }],
  ])('begins anew when it has: %s', async (_, object, plural, status) => {
    await put(object)
    const uid = uidOf(plural, 'work')
    tell(plural, 'work', status)
    await put(object)
    expect(uidOf(plural, 'work')).not.toBe(uid)
    expect(namespace.deleted).toEqual([
      { propagationPolicy: 'Background', gracePeriodSeconds: 0, preconditions: { uid } },
    ])
  })

  it.each([
    ['a Job', job, 'jobs', { conditions: [{ type: 'Complete', status: 'False' }] }],
    ['a Pod', objectOf('Pod', 'work', later), 'pods', { phase: 'Running' }],
  ])('goes on while it has not: %s', async (_, object, plural, status) => {
    await put(object)
    const uid = uidOf(plural, 'work')
    tell(plural, 'work', status)
    await put(object)
    expect(uidOf(plural, 'work')).toBe(uid)
    expect(namespace.deleted).toEqual([])
  })

  it('is not begun anew by a rebuild', async () => {
    const always = objectOf('Pod', 'work')
    await make([always])
    const uid = uidOf('pods', 'work')
    tell('pods', 'work', { phase: 'Succeeded' })
    await make([always], [always])
    expect(uidOf('pods', 'work')).toBe(uid)
  })
})
