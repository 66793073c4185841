import { afterAll, beforeAll, expect, it } from 'vitest'
import type { TestCluster } from '../harness/kubernetes/cluster'
import type { TestNamespace } from '../harness/kubernetes/namespaces'
import { sharedCluster } from '../harness/kubernetes/shared'
import { created, Machine, purge, Rig } from '../workspaces/rig'
import { copiesOf, inService, projectWithData, purgeCopies, restoreInto } from '../workspaces/snapshots-rig'

let cluster: TestCluster
let namespace: TestNamespace
let machine: Machine
let rig: Rig

beforeAll(async () => {
  cluster = await sharedCluster()
  namespace = await cluster.makeNamespace()
  machine = new Machine({ KUBECONFIG: namespace.kubeconfig })
  rig = new Rig(machine, { kind: 'both' })
  await rig.service.settled
})

afterAll(async () => {
  const ids = [...created]
  await rig?.dispose()
  await purgeCopies(ids)
  purge()
  machine?.dispose()
  await namespace?.dispose()
})

const targetOf = (kind: string) => rig.service.targets.list().find((target) => target.kind === kind)?.id ?? ''

it('data goes from Docker to a cluster and back, each time as it was', async () => {
  const near = await rig.up(
    { kind: 'folder', path: projectWithData(machine, 'near') },
    { targetId: targetOf('docker') },
  )
  await inService(
    near.id,
    'cd /data && mkdir d && echo near > d/row && ln d/row d/link && ln -s /nowhere s && chown -R 70:71 d && chmod 600 d/row',
  )
  const far = await rig.up(
    { kind: 'folder', path: projectWithData(machine, 'far') },
    { targetId: targetOf('kubernetes'), dataFrom: { workspaceId: near.id } },
  )
  const inPod = (script: string) =>
    cluster.kubectl(
      ...[
        '-n',
        namespace.name,
        'exec',
        `ws-${far.id}-0`,
        '-c',
        'service-keeper',
        '--',
        '/bin/sh',
        '-c',
        script,
      ],
    )
  const listing = 'cd /data && cat d/link && stat -c "%n %a %u:%g %h" d d/row && readlink s'
  const expected = 'near\nd 755 70:71 2\nd/row 600 70:71 2\n/nowhere\n'
  // Folders of a volume with a group of its own (fsGroup) hand on their setgid bit to those that are made in them.
  const plain = (text: string) => text.replace('d 2755 ', 'd 755 ')
  expect(plain(await inPod(listing))).toBe(expected)

  await inService(near.id, 'rm -rf /data/d /data/s')
  await inPod('echo far > /data/more')
  const back = await restoreInto(rig, near.id, { workspaceId: far.id })
  expect(back.problem).toBeUndefined()
  expect(back.steps.map(({ id, state }) => [id, state])).toEqual([
    ['read', 'done'],
    ['transfer', 'done'],
    ['restore', 'done'],
  ])
  expect(plain(await inService(near.id, `${listing}; cat more`))).toBe(`${expected}far\n`)
  expect(await copiesOf(near.id)).toEqual([])
  expect(
    (await rig.service.handlers['data.snapshots']({}, new AbortController().signal)).filter(
      ({ snapshot }) => snapshot.workspaceId === far.id,
    ),
  ).toEqual([])
  // Where a workspace's volume goes, no snapshot on it can stay.
  await rig.service.handlers['data.snapshot']({ workspaceId: far.id }, new AbortController().signal).then(
    ({ operationId }) => rig.succeeded(operationId),
  )
  const keeping = await rig.service.handlers['workspaces.delete'](
    { workspaceId: far.id, keepSnapshots: true },
    new AbortController().signal,
  )
  expect(await rig.failure(keeping.operationId)).toMatchObject({ code: 'unsupported' })
  for (const { id } of [near, far]) expect((await rig.act('delete', id)).state).toBe('succeeded')
})
