import { writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { bundledTemplates } from '#contract'
import { createTemplates } from '../../main/engine/templates'
import { command } from '../harness/command'
import { DATABASE_ALIASES, ensureDatabases } from '../harness/databases'
import { TEST_IMAGES } from '../harness/images'
import {
  projectWithDatabases,
  putRow,
  restored,
  rows,
  rowsOf,
  shell,
  startWriting,
  written,
} from './databases-rig'
import { created, Machine, purge, Rig } from './rig'
import { purgeCopies, serviceContainer, snapshotOf } from './snapshots-rig'

// PostgreSQL, MariaDB and Redis themselves beside a workspace, named by the short forms.

let machine: Machine
let rig: Rig

beforeAll(async () => {
  await ensureDatabases()
  machine = new Machine()
  writeFileSync(
    join(machine.home, '.config/berth/settings.json'),
    JSON.stringify({
      imageAliases: {
        ...DATABASE_ALIASES,
        'mcr.microsoft.com/devcontainers/python': `${TEST_IMAGES.debian}:latest`,
      },
    }),
  )
  rig = new Rig(machine)
  await rig.service.settled
}, 600_000)

afterAll(async () => {
  const ids = [...created]
  await rig?.dispose()
  await purgeCopies(ids)
  purge()
  machine?.dispose()
})

it('databases are there by name and variable, keep their rows, and give them to a snapshot and another workspace', async () => {
  const { id } = await rig.up({ kind: 'folder', path: projectWithDatabases(machine, 'first') })
  expect(await shell(rig, id, 'env | grep -E "^(DATABASE|STORE|REDIS)_URL=" | sort')).toBe(
    `DATABASE_URL=postgresql://postgres:development@localhost:5432/app
REDIS_URL=redis://localhost:6379
STORE_URL=mysql://root:development@127.0.0.1:3306/app
`,
  )
  // They were waited for: the first command finds them well.
  await putRow(rig, id, 'first')
  expect(await rowsOf(rig, id)).toBe(rows('first'))
  // By the engine's own next check.
  await rig.state(id, (now) => now?.services?.every(({ state }) => state === 'healthy') ?? false)

  for (const verb of ['restart', 'rebuild'] as const) {
    expect((await rig.act(verb, id)).problem).toBeUndefined()
    await putRow(rig, id, verb)
  }
  expect(await rowsOf(rig, id)).toBe(rows('first restart rebuild'))

  // While something writes: the copy is of one moment, and the server has come to its end before it.
  const stopWriting = await startWriting(rig, id)
  const snapshotId = await snapshotOf(rig, id, 'Written to')
  await expect.poll(() => written(rig, id).then(([one]) => one)).toBeGreaterThan(0)
  await stopWriting()
  await putRow(rig, id, 'later')
  expect(await rowsOf(rig, id)).toBe(rows('first restart rebuild later'))

  const { id: other } = await rig.up(
    { kind: 'folder', path: projectWithDatabases(machine, 'second') },
    { dataFrom: { workspaceId: id, snapshotId } },
  )
  await restored(rig, id, { workspaceId: id, snapshotId })
  for (const each of [id, other]) {
    await expect.poll(() => rowsOf(rig, each).catch(String)).toBe(rows('first restart rebuild'))
    const [one, two] = await written(rig, each)
    expect(one).toBeGreaterThan(50)
    expect(two).toBe(one)
  }
  const log = await command('docker', ['logs', await serviceContainer(other, 'db')])
  expect(log).not.toMatch(/not properly shut down|interrupted|initdb/)

  // Each goes on with its own.
  await putRow(rig, other, 'other')
  expect(await rowsOf(rig, id)).toBe(rows('first restart rebuild'))
  for (const each of [other, id]) expect((await rig.act('delete', each)).problem).toBeUndefined()
}, 300_000)

it('the template with a database comes up, and its page shows what was written before a rebuild', async () => {
  const platform = machine.platform()
  const { handlers, dispose } = createTemplates({
    ...platform,
    folders: { ...platform.folders, resources: resolve('resources') },
  })
  const { folder } = await handlers['templates.newRepository'](
    {
      template: { repository: bundledTemplates, id: 'web-postgres' },
      options: {},
      omit: [],
      folder: join(machine.home, 'guests'),
    },
    new AbortController().signal,
  )
  await dispose()
  const { id, definition } = await rig.up({ kind: 'folder', path: folder })
  expect(definition).toMatchObject({
    notApplied: [],
    forwardPorts: [5000],
    services: [{ name: 'db', image: 'postgres:17', ports: [5432] }],
  })
  const page = (...args: string[]) =>
    rig.run(id, 'curl', '-sS', ...args, 'http://127.0.0.1:5000/').catch((error: unknown) => String(error))
  // The server is begun by then; on a busy machine it takes a while until it listens.
  await expect.poll(() => page()).toContain('<h1>Guest book</h1>')
  await page('--data-urlencode', 'text=Jane was here')
  expect(await page()).toContain('Jane was here')
  expect((await rig.act('rebuild', id)).problem).toBeUndefined()
  await expect.poll(() => page()).toContain('Jane was here')
  expect((await rig.act('delete', id)).problem).toBeUndefined()
}, 300_000)
