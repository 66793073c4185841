import { afterAll, beforeAll, expect, it } from 'vitest'
import type { Workspace } from '#contract'
import type { CuttingProxy } from '../harness/cutting-proxy'
import { TEST_IMAGES } from '../harness/images'
import type { TestCluster } from '../harness/kubernetes/cluster'
import { throughProxy } from '../harness/kubernetes/cut-off'
import type { TestNamespace } from '../harness/kubernetes/namespaces'
import { sharedCluster } from '../harness/kubernetes/shared'
import { gitSource, Machine, Rig, repository } from '../workspaces/rig'

/** Milliseconds that everything takes to the API server, and again to come back: half a world away, by telephone. */
const DELAY = 200

let cluster: TestCluster
let namespace: TestNamespace
let proxy: CuttingProxy
let machine: Machine
let rig: Rig

beforeAll(async () => {
  cluster = await sharedCluster()
  namespace = await cluster.makeNamespace()
  machine = new Machine({})
  const far = await throughProxy(namespace.kubeconfig, machine.home, DELAY)
  proxy = far.proxy
  machine.env.KUBECONFIG = far.kubeconfig
  rig = new Rig(machine, { kind: 'kubernetes' })
  await rig.service.settled
})
afterAll(async () => {
  await rig?.dispose()
  machine?.dispose()
  await proxy?.dispose()
  await namespace?.dispose()
})

/** What the cluster itself says of a workspace's pod: `Running`, `Pending`, or nothing where there is none. */
async function phase(id: string): Promise<string> {
  return cluster.kubectl(
    ...['-n', namespace.name, 'get', 'pod', `ws-${id}-0`, '--ignore-not-found'],
    ...['-o', 'jsonpath={.status.phase}'],
  )
}

it('everything that is done over a slow connection succeeds, and what is told of it meanwhile is true', async () => {
  const bare = repository(machine.home, 'far', { 'file.txt': 'as it was' })
  const told: Workspace['state'][] = []
  let last: Workspace['state'] | undefined
  const stop = rig.service.workspaces.onChange(({ upserts }) => {
    for (const { state } of upserts) {
      if (last !== state) told.push(state)
      last = state
    }
  })
  const { id } = await rig.up(gitSource(bare))
  expect(await phase(id)).toBe('Running')
  expect(await rig.run(id, 'cat', 'file.txt')).toBe('as it was')
  expect(told.splice(0)).toEqual(['creating', 'running'])

  expect((await rig.act('stop', id)).state).toBe('succeeded')
  expect(rig.workspace(id).state).toBe('stopped')
  expect(await phase(id)).toBe('')
  expect(told.splice(0)).toEqual(['stopping', 'stopped'])

  expect((await rig.act('start', id)).state).toBe('succeeded')
  expect(rig.workspace(id).state).toBe('running')
  expect(await phase(id)).toBe('Running')
  expect(told.splice(0)).toEqual(['starting', 'running'])

  expect((await rig.act('rebuild', id)).state).toBe('succeeded')
  expect(await rig.run(id, 'cat', 'file.txt')).toBe('as it was')
  expect(told.splice(0)).toEqual(['starting', 'running'])

  expect((await rig.act('delete', id)).state).toBe('succeeded')
  expect(rig.service.workspaces.get(id)).toBeUndefined()
  expect(told.splice(0)).toEqual(['deleting'])
  const kinds = 'statefulsets,pods,persistentvolumeclaims,networkpolicies'
  expect(await cluster.kubectl('-n', namespace.name, 'get', kinds, '-o', 'name')).toBe('')
  void stop()
})

it('a creation is cancelled over a slow connection, and nothing stays of it', async () => {
  const { id, operationId } = await rig.create({ kind: 'image', image: TEST_IMAGES.debian })
  await rig.step(operationId, 'start', 'running')
  await rig.cancel(operationId)
  expect((await rig.ended(operationId)).state).toBe('cancelled')
  expect(rig.service.workspaces.get(id)).toBeUndefined()
  const kinds = 'statefulsets,pods,persistentvolumeclaims,networkpolicies'
  expect(await cluster.kubectl('-n', namespace.name, 'get', kinds, '-o', 'name')).toBe('')
})
