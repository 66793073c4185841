import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { command, tryCommand } from '../harness/command'
import { TEST_IMAGES } from '../harness/images'
import { created, git, Machine, purge, Rig, remainsOf, writeFiles } from './rig'
import { bundleChild, type ChildBundle } from './snapshots-bundle'
import {
  copiesOf,
  fill,
  inService,
  isRunning,
  listing,
  projectWithData,
  purgeCopies,
  restoreInto,
  serviceContainer,
  snapshotOf,
} from './snapshots-rig'

const never = new AbortController().signal
let machine: Machine
let rig: Rig

let bundle: ChildBundle
beforeAll(async () => {
  bundle = await bundleChild()
})
afterAll(() => bundle?.dispose())

beforeEach(async () => {
  machine = new Machine()
  rig = new Rig(machine)
  await rig.service.settled
})

afterEach(async () => {
  const ids = [...created]
  await rig.dispose()
  await purgeCopies(ids)
  purge()
  machine.dispose()
})

const make = (name: string, image?: string) =>
  rig.up({ kind: 'folder', path: projectWithData(machine, name, image) })
const list = (workspaceId: string) => rig.service.handlers['data.list']({ workspaceId }, never)

describe('a snapshot', () => {
  it('has all of the data, and gives it back as it was', async () => {
    const { id } = await make('exact')
    await inService(id, fill)
    const before = await inService(id, listing)
    expect(before).toContain('sparse')

    const snapshotId = await snapshotOf(rig, id, 'Before the change')
    // It went on as it was.
    expect(await isRunning(await serviceContainer(id))).toBe(true)
    expect(await inService(id, listing)).toBe(before)
    const { volumes, snapshots } = await list(id)
    expect(volumes).toEqual([
      { name: 'rows', services: ['keeper'], ofWorkspace: false, image: TEST_IMAGES.debian },
    ])
    expect(snapshots).toMatchObject([{ id: snapshotId, name: 'Before the change', workspaceId: id }])
    expect(snapshots[0]?.volumes[0]?.bytes).toBeGreaterThan(0)

    await inService(id, 'cd /data && rm -rf deep .hidden && echo new > new && chmod 0777 . && chown 1:1 .')
    expect((await restoreInto(rig, id, { workspaceId: id, snapshotId })).problem).toBeUndefined()
    expect(await inService(id, listing)).toBe(before)
    expect(await isRunning(await serviceContainer(id))).toBe(true)

    // Another Berth sees it, for it is on the engine.
    const other = new Machine()
    const second = new Rig(other)
    try {
      await second.service.settled
      expect((await second.service.handlers['data.list']({ workspaceId: id }, never)).snapshots).toEqual(
        snapshots,
      )
    } finally {
      await second.dispose()
      other.dispose()
    }

    expect((await rig.act('delete', id)).state).toBe('succeeded')
    expect([...(await copiesOf(id)), ...(await remainsOf(id))]).toEqual([])
  })

  it('is of a stopped workspace as well, and says where its source was where it runs', async () => {
    const { id } = await make('stopped')
    await inService(id, 'echo 1 > /data/row')
    const source = join(machine.home, 'stopped')
    git(source, 'init', '--quiet', '--initial-branch=trunk')
    git(source, 'commit', '--quiet', '--allow-empty', '-m', 'First')
    await snapshotOf(rig, id)
    await rig.act('stop', id)
    const snapshotId = await snapshotOf(rig, id, 'Asleep')
    expect(await isRunning(await serviceContainer(id))).toBe(false)
    const { snapshots } = await list(id)
    expect(snapshots).toMatchObject([
      { id: snapshotId, name: 'Asleep' },
      { name: 'trunk', branch: 'trunk', commit: expect.stringMatching(/^[0-9a-f]{40}$/) },
    ])
    expect(snapshots[0]?.commit).toBeUndefined()
    // With a snapshot of what was there, which is restored in turn.
    await rig.act('start', id)
    await inService(id, 'echo 2 > /data/row')
    const done = await restoreInto(rig, id, { workspaceId: id, snapshotId }, true)
    expect(done.steps.map(({ id: step, state }) => [step, state])).toEqual([
      ['before', 'done'],
      ['restore', 'done'],
    ])
    expect(await inService(id, 'cat /data/row')).toBe('1\n')
    const kept = (await list(id)).snapshots[0]
    expect(kept?.name).toContain('Before “Asleep”')
    await restoreInto(rig, id, { workspaceId: id, snapshotId: kept?.id ?? '' })
    expect(await inService(id, 'cat /data/row')).toBe('2\n')
  })

  it('outlives its workspace where it is kept, and can be put into another one and removed', async () => {
    const { id, targetId } = await make('kept')
    await inService(id, 'echo old > /data/row')
    const snapshotId = await snapshotOf(rig, id)
    const { operationId } = await rig.service.handlers['workspaces.delete'](
      { workspaceId: id, keepSnapshots: true },
      never,
    )
    await rig.succeeded(operationId)
    const all = await rig.service.handlers['data.snapshots']({}, never)
    expect(all.filter(({ snapshot }) => snapshot.workspaceId === id)).toMatchObject([
      { targetId, orphan: true, snapshot: { id: snapshotId, workspaceName: 'kept' } },
    ])
    const { id: next } = await make('next')
    expect((await restoreInto(rig, next, { workspaceId: id, snapshotId })).state).toBe('succeeded')
    expect(await inService(next, 'cat /data/row')).toBe('old\n')
    await rig.service.handlers['data.remove']({ targetId, workspaceId: id, snapshotId }, never)
    expect(await copiesOf(id)).toEqual([])
    await expect(
      rig.service.handlers['data.remove']({ targetId, workspaceId: id, snapshotId }, never),
    ).rejects.toMatchObject({ problem: { code: 'not-found' } })
  })
})

describe('data of another workspace', () => {
  it('is copied, and each goes on with its own; the names of volumes say what goes where', async () => {
    const { id: from } = await make('from')
    await inService(from, fill)
    const { id: to } = await make('to', TEST_IMAGES.alpine)
    await inService(to, 'echo lost > /data/lost')
    const plan = await rig.service.handlers['data.plan'](
      { workspaceId: to, from: { workspaceId: from } },
      never,
    )
    expect(plan).toMatchObject({ replaced: ['rows'], left: [], unused: [] })
    expect(plan.warnings[0]).toContain(TEST_IMAGES.alpine)
    expect(plan.stops).toEqual(['The service keeper', 'What uses the data in from, while it is copied'])

    expect((await restoreInto(rig, to, { workspaceId: from })).problem).toBeUndefined()
    expect(await inService(to, 'cat /data/deep/er/one; ls /data/lost 2>&1 | wc -l')).toMatch(/^one\n/)
    await inService(to, 'echo two > /data/deep/er/one')
    expect(await inService(from, 'cat /data/deep/er/one')).toBe('one\n')
    expect(await copiesOf(from)).toEqual([])
    expect(await copiesOf(to)).toEqual([])
    expect(await isRunning(await serviceContainer(from))).toBe(true)
  })

  it('is what a new workspace begins with', async () => {
    const { id: from } = await make('first')
    await inService(from, 'echo first > /data/row; chown 77:78 /data/row')
    const path = projectWithData(machine, 'second')
    const { id } = await rig.up({ kind: 'folder', path }, { dataFrom: { workspaceId: from } })
    expect(await inService(id, 'cat /data/row; stat -c %u:%g /data/row')).toBe('first\n77:78\n')
    expect(await copiesOf(from)).toEqual([])
  })

  it('that has no volume in common is refused, and nothing is made', async () => {
    const { id: from } = await make('has')
    const { operationId, id } = await rig.create(
      { kind: 'image', image: TEST_IMAGES.debian },
      { dataFrom: { workspaceId: from } },
    )
    expect(await rig.failure(operationId)).toMatchObject({ code: 'not-found' })
    expect(await remainsOf(id)).toEqual([])
  })
})

describe('a restore that does not come to its end', () => {
  /** Enough files for a copy to be met in the middle. */
  const many =
    'cd /data && rm -rf * && i=0 && while [ $i -lt 60 ]; do mkdir $i; (cd $i; seq 1 400 | xargs touch); i=$((i+1)); done; echo old > state'

  async function prepared(): Promise<{ id: string; snapshotId: string; before: string }> {
    const { id } = await make('broken')
    await inService(id, many)
    const snapshotId = await snapshotOf(rig, id)
    await inService(id, 'cd /data && rm -rf 1 && echo new > state && touch more')
    return { id, snapshotId, before: await inService(id, 'cd /data && ls -Al') }
  }

  const copier = async (id: string) => {
    const { stdout } = await tryCommand('docker', ['ps', '-q', '--filter', `label=berth.dev/data-of=${id}`])
    return stdout.trim()
  }

  it.each(['cancel', 'kill'])('leaves the old data after a %s, and the service runs', async (how) => {
    const { id, snapshotId, before } = await prepared()
    const { operationId } = await rig.service.handlers['data.restore'](
      { workspaceId: id, from: { workspaceId: id, snapshotId } },
      never,
    )
    let met = ''
    const meet = async () => {
      met = await copier(id)
      return met
    }
    await expect.poll(meet, { interval: 20 }).not.toBe('')
    if (how === 'cancel') await rig.cancel(operationId)
    else await command('docker', ['kill', met])
    const { state, problem } = await rig.ended(operationId)
    expect(state).toBe(how === 'cancel' ? 'cancelled' : 'failed')
    if (how === 'kill') expect(problem?.code).toBe('file-failed')
    expect(await isRunning(await serviceContainer(id))).toBe(true)
    expect(await inService(id, 'cd /data && ls -Al')).toBe(before)
    expect((await restoreInto(rig, id, { workspaceId: id, snapshotId })).state).toBe('succeeded')
    expect(await inService(id, 'cat /data/state; ls -A /data | wc -l')).toBe('old\n61\n')
  })
  it.each(['snapshot', 'restore'])(
    'of a Berth that is killed in a %s is put right by the next',
    async (verb) => {
      const { id, snapshotId, before } = await prepared()
      const from = verb === 'restore' ? [JSON.stringify({ workspaceId: id, snapshotId })] : []
      const child = spawn(process.execPath, [bundle.path, machine.home, id, ...from], {
        stdio: ['ignore', 'ignore', 'inherit'],
      })
      const gone = once(child, 'exit')
      await expect.poll(() => copier(id), { interval: 20 }).not.toBe('')
      child.kill('SIGKILL')
      await gone
      const service = await serviceContainer(id)
      expect(await isRunning(service)).toBe(false)

      const next = new Rig(machine)
      try {
        await next.service.settled
        await expect.poll(() => isRunning(service)).toBe(true)
        await expect.poll(() => copiesOf(id)).toHaveLength(2)
        expect(await inService(id, 'cd /data && ls -Al')).toBe(before)
        expect((await list(id)).snapshots.map((one) => one.id)).toEqual([snapshotId])
        expect((await restoreInto(next, id, { workspaceId: id, snapshotId })).problem).toBeUndefined()
      } finally {
        await next.dispose()
      }
    },
  )
})

describe('images without a shell', () => {
  it('give a snapshot all the same, and say why there is no restore', async () => {
    const folder = join(machine.home, 'bare')
    writeFiles(folder, {
      '.devcontainer.json': JSON.stringify({
        image: TEST_IMAGES.scratch,
        overrideCommand: false,
        customizations: {
          berth: {
            services: {
              keeper: {
                image: TEST_IMAGES.scratch,
                entrypoint: ['/busybox', 'sh', '-c'],
                command: ['trap "exit 0" TERM; while :; do /busybox sleep 0.2; done'],
                volumes: { rows: '/data' },
              },
            },
          },
        },
      }),
    })
    const { id } = await rig.up({ kind: 'folder', path: folder })
    const container = await serviceContainer(id)
    const run = (...args: string[]) => command('docker', ['exec', '-u', '0', container, '/busybox', ...args])
    await run(
      'sh',
      '-c',
      'echo one > /data/row && /busybox chown 5:6 /data/row && /busybox ln /data/row /data/link',
    )
    const snapshotId = await snapshotOf(rig, id)
    expect(await isRunning(container)).toBe(true)
    expect((await restoreInto(rig, id, { workspaceId: id, snapshotId })).problem?.code).toBe('no-shell')
    expect(await isRunning(container)).toBe(true)
    const { id: other } = await make('other')
    expect((await restoreInto(rig, other, { workspaceId: id, snapshotId })).problem).toBeUndefined()
    expect(await inService(other, 'stat -c "%h %u:%g" /data/row')).toBe('2 5:6\n')
  })
})
