import { describe, expect, it } from 'vitest'
import { type ClusterObject, clusterObjectRight, imageDefinition, type Workspace } from '#contract'
import { readPolicy } from '../../policy/read'
import { postStopSteps, putObjects } from './objects'

const objectOf = (name: string, digest: string): ClusterObject => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  name,
  digest,
  manifest: {},
})
const [one, two] = [objectOf('one', '1111111111111111'), objectOf('two', '2222222222222222')] as const
const rights = [one, two].map((object) => clusterObjectRight(object))

const workspaceOf = (allowed: typeof rights, more: Partial<Workspace> = {}) =>
  ({
    id: 'tabcdefghi',
    targetId: 'kubernetes:a/b',
    kubernetes: {},
    definition: {
      ...imageDefinition('debian', 'app'),
      clusterObjects: [one, two],
      postStopObjects: [two.digest],
      container: { rights, allowed },
    },
    ...more,
  }) as Workspace

type Context = Parameters<typeof putObjects>[0]

/** A target that keeps what is put into it, with these policies. */
function targetOf(isCluster: boolean, policy?: unknown) {
  const put: string[] = []
  const cluster = {
    putObjects: async (id: string, objects: readonly ClusterObject[]) =>
      void put.push(...objects.map(({ name }) => `${id} ${name}`)),
  }
  const text = JSON.stringify({
    apiVersion: 'berth.dev/v1',
    kind: 'Policy',
    metadata: { name: 'team' },
    spec: policy,
  })
  const read = policy ? readPolicy('berth.yaml', new TextEncoder().encode(text)) : undefined
  const policies = read && 'loaded' in read ? [{ ...read.loaded, origin: 'team' }] : []
  const context = {
    target: async () => ({ driver: isCluster ? { cluster } : {} }),
    policiesOf: async () => policies,
  } as unknown as Context
  return { context, put, policies }
}

const signal = new AbortController().signal

describe('objects that are put into a cluster', () => {
  it('are those that are asked for, where all of them were allowed', async () => {
    const { context, put } = targetOf(true)
    await putObjects(context, workspaceOf(rights), [two.digest, one.digest], signal)
    await putObjects(context, workspaceOf(rights), [two.digest], signal)
    expect(put).toEqual(['tabcdefghi one', 'tabcdefghi two', 'tabcdefghi two'])
  })

  it('are none where one of them was not allowed, or the team wants none by now', async () => {
    const { context, put } = targetOf(true)
    const asked = [one.digest, two.digest]
    await expect(putObjects(context, workspaceOf(rights.slice(0, 1)), asked, signal)).rejects.toMatchObject({
      problem: {
        code: 'unsupported',
        cause: 'For this workspace nobody has allowed ConfigMap two.',
        actions: [{ verb: 'rebuild', workspaceId: 'tabcdefghi' }],
      },
    })
    const strict = targetOf(true, { rights: { clusterObject: 'deny' } })
    expect(strict.policies).toHaveLength(1)
    await expect(putObjects(strict.context, workspaceOf(rights), asked, signal)).rejects.toMatchObject({
      problem: { code: 'policy-refused' },
    })
    expect([...put, ...strict.put]).toEqual([])
  })

  it('are none on an engine, which is told', async () => {
    const { context } = targetOf(false)
    await expect(putObjects(context, workspaceOf(rights), [one.digest], signal)).rejects.toMatchObject({
      problem: { code: 'unsupported', title: 'ConfigMap one could not be put into the cluster' },
    })
  })
})

it('a stop has a step for those of postStop where they can be had', () => {
  expect(postStopSteps(workspaceOf(rights))).toEqual([{ id: 'postStop', title: 'Running postStop' }])
  expect(postStopSteps(workspaceOf(rights.slice(0, 1)))).toEqual([])
  expect(postStopSteps(workspaceOf(rights, { kubernetes: undefined }))).toEqual([])
})
