import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { DATABASE_ALIASES, DATABASE_REPOSITORY, ensureDatabases } from '../harness/databases'
import { ownClusterOf, type TestCluster } from '../harness/kubernetes/cluster'
import type { TestNamespace } from '../harness/kubernetes/namespaces'
import { projectWithDatabases, putRow, restored, rows, rowsOf, shell } from '../workspaces/databases-rig'
import { created, Machine, Rig } from '../workspaces/rig'
import { bundleChild, type ChildBundle } from '../workspaces/snapshots-bundle'
import { snapshotOf } from '../workspaces/snapshots-rig'

// PostgreSQL, MariaDB and Redis themselves as containers of a workspace's pod.

const cluster = await ownClusterOf(process.env.BERTH_TEST_CLUSTER ?? '')
if (!cluster)
  console.log(
    'skipped: databases on a cluster, because it is not one of the tests’ own, and has not the images',
  )

const never = new AbortController().signal
let namespace: TestNamespace
let machine: Machine
let rig: Rig
let bundle: ChildBundle

beforeAll(async () => {
  if (!cluster) return
  await ensureDatabases()
  await cluster.loadImage(DATABASE_REPOSITORY)
  namespace = await cluster.makeNamespace()
  machine = new Machine({ KUBECONFIG: namespace.kubeconfig })
  writeFileSync(
    join(machine.home, '.config/berth/settings.json'),
    JSON.stringify({ imageAliases: DATABASE_ALIASES }),
  )
  rig = new Rig(machine, { kind: 'kubernetes' })
  ;[bundle] = await Promise.all([bundleChild(), rig.service.settled])
})

afterAll(async () => {
  await rig?.dispose()
  created.clear()
  bundle?.dispose()
  machine?.dispose()
  await namespace?.dispose()
})

/** Begins to copy the data in a process of its own, and kills it as soon as something copies. */
async function killWhileCopying(own: TestCluster, id: string, ...from: string[]): Promise<void> {
  const child = spawn(process.execPath, [bundle.path, machine.home, id, ...from], {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: { ...process.env, BERTH_TEST_CHILD_KUBECONFIG: namespace.kubeconfig },
  })
  const gone = once(child, 'exit')
  const phase = () =>
    own.kubectl(
      ...['-n', namespace.name, 'get', 'pod', `ws-${id}-data`, '--ignore-not-found'],
      ...['-o', 'jsonpath={.status.phase}'],
    )
  await expect.poll(phase, { timeout: 90_000, interval: 50 }).toBe('Running')
  child.kill('SIGKILL')
  await gone
}

it.skipIf(!cluster)(
  'databases give their rows to a snapshot and take them back, also where Berth is killed meanwhile',
  async () => {
    if (!cluster) throw new Error('no cluster')
    const { id } = await rig.up({ kind: 'folder', path: projectWithDatabases(machine, 'pod') })
    await putRow(rig, id, 'first')
    const snapshotId = await snapshotOf(rig, id, 'First')
    // What runs at each start of the workspace runs again, as it was stopped as a whole.
    expect(await shell(rig, id, 'grep -c started ~/starts')).toBe('2\n')
    await putRow(rig, id, 'second')

    for (const from of [[JSON.stringify({ workspaceId: id, snapshotId })], []]) {
      const before = await rowsOf(rig, id)
      await killWhileCopying(cluster, id, ...from)
      await rig.state(id, (now) => now?.state === 'stopped' || now?.state === 'failed')
      const next = new Rig(machine, { kind: 'kubernetes', livesOn: true })
      try {
        await next.service.settled
        await expect.poll(() => next.workspace(id).state, { timeout: 120_000, interval: 200 }).toBe('running')
        // Copies that were whole when their Berth was killed are put in place all the same: those of all, or none.
        expect(from.length > 0 ? [before, rows('first')] : [before]).toContain(await rowsOf(next, id))
      } finally {
        await next.dispose()
      }
      const claim = await cluster.kubectl('-n', namespace.name, 'get', 'pvc', `ws-${id}`, '-o', 'yaml')
      expect(claim).not.toContain('berth.dev/data-work')
      expect(await cluster.kubectl('-n', namespace.name, 'get', 'pods', '-o', 'name')).toBe(
        `pod/ws-${id}-0\n`,
      )
    }
    // What the user's shell adds was asked for by another process, which has kept it there.
    await shell(rig, id, "echo 'printf . >> ~/asked; export GREETING=hello' >> ~/.bashrc")
    for (const process of [
      new Rig(machine, { kind: 'kubernetes' }),
      new Rig(machine, { kind: 'kubernetes' }),
    ]) {
      await process.service.settled
      expect(await process.runProbed(id, 'bash', '-c', 'echo "$GREETING $(cat ~/asked)"')).toBe('hello .\n')
      await process.dispose()
    }
    const { snapshots } = await rig.service.handlers['data.list']({ workspaceId: id }, never)
    expect(snapshots.map((one) => one.id)).toEqual([snapshotId])
    await putRow(rig, id, 'third')
    await restored(rig, id, { workspaceId: id, snapshotId })
    expect(await rowsOf(rig, id)).toBe(rows('first'))
    expect((await rig.act('delete', id)).problem).toBeUndefined()
  },
)
