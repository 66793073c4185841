import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import {
  ActionDocument,
  DataDocument,
  ProblemDocument,
  RemovedSnapshotDocument,
  RestoreDocument,
  SnapshotDocument,
} from '../../cli/documents'
import { command } from '../harness/command'
import { TEST_IMAGES } from '../harness/images'
import { writeFiles } from '../workspaces/rig'
import { copiesOf, inService } from '../workspaces/snapshots-rig'
import { type CommandLine, commandLine, uniqueName } from './berth'

let berth: CommandLine
beforeAll(async () => {
  berth = await commandLine()
})
afterAll(() => berth?.dispose())

function project(name: string): string {
  const folder = join(berth.home, name)
  const keeper = {
    image: TEST_IMAGES.debian,
    entrypoint: ['/bin/sh', '-c'],
    command: ['trap "exit 0" TERM; while :; do sleep 0.2; done'],
    volumes: { rows: '/data' },
  }
  writeFiles(folder, {
    '.devcontainer.json': JSON.stringify({
      image: TEST_IMAGES.debian,
      customizations: { berth: { services: { keeper } } },
    }),
  })
  return folder
}

it('berth data: snapshot, restore, clone, remove, and a new workspace with the data of another one', async () => {
  const [one, two] = [uniqueName('data-one'), uniqueName('data-two')]
  const ids: string[] = []
  try {
    const made = await berth.json(ActionDocument, ['up', project('one'), '--name', one])
    const id = made.workspace?.id ?? ''
    ids.push(id)
    await inService(id, 'echo 1 > /data/row')
    const { snapshot } = await berth.json(SnapshotDocument, ['data', 'snapshot', one, '--name', 'First'])
    expect(snapshot).toMatchObject({ workspaceId: id, name: 'First', volumes: [{ name: 'rows' }] })
    const listed = await berth.json(DataDocument, ['data', 'list', one])
    expect(listed).toMatchObject({
      volumes: [{ name: 'rows', services: ['keeper'] }],
      snapshots: [{ orphan: false, snapshot: { id: snapshot?.id } }],
    })
    expect((await berth.run(['data', 'list', one])).stdout.toString()).toMatch(/rows +keeper[\s\S]*First/)

    await inService(id, 'echo 2 > /data/row')
    // Nobody is there to be asked.
    expect((await berth.run(['data', 'restore', one, 'First'])).code).toBe(2)
    const said = await berth.run(['data', 'restore', one, 'First', '--yes'])
    expect([said.code, said.stderr.toString()]).toEqual([0, expect.stringContaining('What rows holds now')])
    expect(await inService(id, 'cat /data/row')).toBe('1\n')

    const next = await berth.json(ActionDocument, [
      ...['up', project('two'), '--name', two, '--data-from', `${one}@latest`],
    ])
    const nextId = next.workspace?.id ?? ''
    ids.push(nextId)
    expect(await inService(nextId, 'cat /data/row')).toBe('1\n')
    await inService(id, 'echo 3 > /data/row')
    const { plan, operation } = await berth.json(RestoreDocument, [
      ...['data', 'clone', one, two, '--yes', '--snapshot-first'],
    ])
    expect(plan.replaced).toEqual(['rows'])
    expect(operation.steps.map((step) => step.id)).toEqual(['before', 'read', 'restore'])
    expect(await inService(nextId, 'cat /data/row')).toBe('3\n')
    expect((await berth.json(DataDocument, ['data', 'list', two])).snapshots).toHaveLength(1)

    const unknown = await berth.run(['data', 'restore', one, 'nothing', '--yes', '--json'])
    expect(unknown.code).toBe(1)
    const { problem } = ProblemDocument.parse(JSON.parse(unknown.stdout.toString()))
    expect(problem.code).toBe('not-found')

    await berth.run(['delete', one, '--yes', '--keep-snapshots'])
    const left = (await berth.json(DataDocument, ['data', 'list'])).snapshots
    expect(left.find((each) => each.snapshot.id === snapshot?.id)?.orphan).toBe(true)
    const removed = await berth.json(RemovedSnapshotDocument, ['data', 'remove', snapshot?.id ?? '', '--yes'])
    expect(removed.removed.snapshot.name).toBe('First')
    await berth.run(['delete', two, '--yes'])
    for (const each of ids) expect(await copiesOf(each)).toEqual([])
  } finally {
    for (const name of [one, two]) await berth.run(['delete', name, '--yes'])
    for (const each of ids) {
      for (const volume of await copiesOf(each)) await command('docker', ['volume', 'rm', volume])
    }
  }
})
