import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { TEST_IMAGES } from '../harness/images'
import type { TestCluster } from '../harness/kubernetes/cluster'
import type { TestNamespace } from '../harness/kubernetes/namespaces'
import { sharedCluster } from '../harness/kubernetes/shared'
import { Machine, Rig, writeFiles } from '../workspaces/rig'

let cluster: TestCluster
let namespace: TestNamespace
let machine: Machine
let rig: Rig

beforeAll(async () => {
  cluster = await sharedCluster()
  namespace = await cluster.makeNamespace()
  machine = new Machine({ KUBECONFIG: namespace.kubeconfig })
  rig = new Rig(machine, { kind: 'kubernetes' })
  await rig.service.settled
})
afterAll(async () => {
  for (const { id } of rig?.service.workspaces.list() ?? []) await rig.act('delete', id)
  await rig?.dispose()
  machine?.dispose()
  await namespace?.dispose()
})

it('gives a pod what was allowed, and names what a pod cannot have', async () => {
  const folder = join(machine.home, 'tracer')
  mkdirSync(folder)
  writeFiles(folder, {
    '.devcontainer.json': JSON.stringify({
      image: TEST_IMAGES.debian,
      remoteUser: 'dev',
      capAdd: ['SYS_PTRACE'],
      runArgs: [
        ...['--device=/dev/fuse', '--shm-size=32m', '--add-host', 'far.test:10.1.2.3', '--group-add=4242'],
        ...['--ulimit=nofile=1024', '-h', 'own'],
      ],
    }),
  })
  const { id, definition } = await rig.up({ kind: 'folder', path: folder })
  const named = () => rig.workspace(id).definition.notApplied.map(({ field }) => field)
  const always = ['device /dev/fuse:/dev/fuse:rwm', 'hostname', 'ulimit nofile']
  expect(definition.notApplied.map(({ field }) => field)).toEqual(['capAdd SYS_PTRACE', ...always])
  const tell = async () => {
    const script =
      'grep -E "CapBnd|NoNewPrivs" /proc/1/status | tr -d "\\t"; df -k /dev/shm | tail -1 | tr -s " " | cut -d" " -f2; getent hosts far.test | cut -d" " -f1; id -G'
    return (await rig.run(id, 'sh', '-c', script)).trim().split('\n')
  }
  const [bounded, confined, shared, address, groups] = await tell()
  expect([bounded, confined]).toEqual(['CapBnd:0000000000000000', 'NoNewPrivs:1'])
  expect(address).toBe('10.1.2.3')
  expect(groups?.split(' ')).toContain('4242')
  // Kubernetes sizes it from 1.22 on; before, the node evicts who takes more.
  expect(Number(shared)).toBeGreaterThanOrEqual(32 * 1024)

  const { operationId } = await rig.service.handlers['workspaces.rebuild'](
    { workspaceId: id, allowRights: true },
    new AbortController().signal,
  )
  await rig.succeeded(operationId)
  expect((await tell()).slice(0, 2)).toEqual(['CapBnd:0000000000080000', 'NoNewPrivs:0'])
  expect(named()).toEqual(always)
})
