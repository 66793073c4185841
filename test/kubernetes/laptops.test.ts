import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest'
import type { Workspace } from '#contract'
import { TEST_IMAGES } from '../harness/images'
import type { TestCluster } from '../harness/kubernetes/cluster'
import type { TestNamespace } from '../harness/kubernetes/namespaces'
import { sharedCluster } from '../harness/kubernetes/shared'
import { Machine, Rig } from '../workspaces/rig'

// Two people's laptops, each with a home and an engine of its own, and one namespace that both may use.

let cluster: TestCluster
let namespace: TestNamespace
let machines: Machine[]
let ours: Rig
let theirs: Rig

beforeAll(async () => {
  cluster = await sharedCluster()
  namespace = await cluster.makeNamespace()
})
afterAll(() => namespace?.dispose())

beforeEach(async () => {
  machines = ['ann', 'bob'].map((USER) => new Machine({ KUBECONFIG: namespace.kubeconfig, USER }))
  const [ours_, theirs_] = machines.map((machine) => new Rig(machine, { kind: 'kubernetes' }))
  if (!ours_ || !theirs_) throw new Error('two machines')
  ours = ours_
  theirs = theirs_
  await Promise.all([ours.service.settled, theirs.service.settled])
})
afterEach(async () => {
  for (const { id } of ours.service.workspaces.list()) await ours.act('delete', id)
  await ours.dispose()
  await theirs.dispose()
  for (const machine of machines) machine.dispose()
})

const make = () => ours.up({ kind: 'image', image: TEST_IMAGES.alpine })
const kubectl = (...args: string[]) => cluster.kubectl('-n', namespace.name, ...args)

/** States that a rig shows of a workspace, from now on, each once in a row. */
function follow(rig: Rig, id: string): { readonly states: string[]; stop(): void } {
  const states: string[] = []
  const note = (workspace: Workspace | undefined) => {
    const state = workspace?.state ?? 'gone'
    if (states.at(-1) !== state) states.push(state)
  }
  note(rig.service.workspaces.get(id))
  const stop = rig.service.workspaces.onChange(({ upserts, removes }) => {
    for (const record of upserts) if (record.id === id) note(record)
    if (removes.includes(id)) note(undefined)
  })
  return { states, stop: () => void stop() }
}

it('what one makes, the other sees, enters, stops, starts, renames, rebuilds and deletes', async () => {
  const { id, name } = await make()
  await theirs.state(id, (workspace) => workspace?.state === 'running')
  expect(theirs.workspace(id)).toMatchObject({ name, image: TEST_IMAGES.alpine })
  await theirs.run(id, 'sh', '-c', 'echo theirs > ~/note')
  expect(await ours.run(id, 'sh', '-c', 'cat ~/note')).toBe('theirs\n')

  const seen = follow(ours, id)
  expect((await theirs.act('stop', id)).state).toBe('succeeded')
  await ours.state(id, (workspace) => workspace?.state === 'stopped')
  // Pod and StatefulSet are told by two watches: a pod that ends before its set is known to want none is a replaced one.
  expect(seen.states.slice(-2)).toEqual(['stopping', 'stopped'])
  const stopped = seen.states.length

  expect((await theirs.act('start', id)).state).toBe('succeeded')
  await ours.state(id, (workspace) => workspace?.state === 'running')
  expect(seen.states.slice(stopped)).toEqual(['starting', 'running'])
  const first = ours.workspace(id).incarnation

  expect((await theirs.act('restart', id)).state).toBe('succeeded')
  await ours.state(id, ({ state, incarnation } = ours.workspace(id)) => {
    return state === 'running' && incarnation !== first && incarnation === theirs.workspace(id).incarnation
  })

  const { operationId } = await theirs.service.handlers['workspaces.rename'](
    { workspaceId: id, name: 'elsewhere' },
    new AbortController().signal,
  )
  await theirs.succeeded(operationId)
  await ours.state(id, (workspace) => workspace?.name === 'elsewhere')

  const rebuilt = await theirs.act('rebuild', id)
  expect(rebuilt.problem).toBeUndefined()
  await ours.state(id, (workspace) => workspace?.state === 'running')
  expect(await ours.run(id, 'sh', '-c', 'cat ~/note')).toBe('theirs\n')

  expect((await theirs.act('delete', id)).state).toBe('succeeded')
  await ours.state(id, (workspace) => workspace === undefined)
  seen.stop()
  expect(seen.states.at(-1)).toBe('gone')
  // Nothing of it is shown as failed on the way.
  expect(seen.states).not.toContain('failed')
})

it('who comes second is told what the first one does, and neither loses anything', async () => {
  const { id } = await make()
  await theirs.state(id, (workspace) => workspace?.state === 'running')
  await ours.run(id, 'sh', '-c', 'echo kept > ~/note')
  const ends = await Promise.all([ours.act('stop', id), theirs.act('stop', id)])
  expect(ends.map(({ state }) => state)).toEqual(['succeeded', 'succeeded'])
  const starts = await Promise.all([ours.act('start', id), theirs.act('start', id)])
  expect(starts.map(({ state }) => state)).toEqual(['succeeded', 'succeeded'])
  expect(ours.workspace(id).incarnation).toBe(theirs.workspace(id).incarnation)

  const rebuilds = await Promise.all([ours.act('rebuild', id), theirs.act('rebuild', id)])
  const succeeded = rebuilds.filter(({ state }) => state === 'succeeded')
  const problems = rebuilds.flatMap(({ problem }) => problem?.code ?? [])
  expect(succeeded.length).toBeGreaterThan(0)
  for (const code of problems) expect(['busy', 'field-conflict', 'interrupted']).toContain(code)
  await ours.state(id, (workspace) => workspace?.state === 'running')
  expect(await ours.run(id, 'sh', '-c', 'cat ~/note')).toBe('kept\n')

  const deletes = await Promise.all([ours.act('delete', id), theirs.act('delete', id)])
  expect(deletes.map(({ state }) => state)).toEqual(['succeeded', 'succeeded'])
})

it('a delete takes all that it owns, and nothing of its neighbours', async () => {
  const { id } = await make()
  const neighbour = await make()
  await kubectl('create', 'configmap', `ws-${id}-notes`)
  await kubectl('create', 'secret', 'generic', 'team-token', '--from-literal=a=b')
  const kinds = 'statefulsets,pods,persistentvolumeclaims,secrets,configmaps,services,networkpolicies'
  const names = async () => {
    const all = await kubectl('get', kinds, '-o', 'name')
    return all.split('\n').filter(Boolean).sort()
  }
  const before = await names()
  const own = before.filter((one) => new RegExp(`/ws-${id}(-0)?$`).test(one))
  expect(own).toEqual([
    `networkpolicy.networking.k8s.io/ws-${id}`,
    `persistentvolumeclaim/ws-${id}`,
    `pod/ws-${id}-0`,
    `statefulset.apps/ws-${id}`,
  ])
  expect((await ours.act('delete', id)).state).toBe('succeeded')
  expect(await names()).toEqual(before.filter((one) => !own.includes(one)))
  expect(await ours.run(neighbour.id, 'echo', 'well')).toBe('well\n')
  await kubectl('delete', 'configmap', `ws-${id}-notes`)
  await kubectl('delete', 'secret', 'team-token')
})
