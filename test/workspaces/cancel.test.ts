import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { TEST_IMAGES } from '../harness/images'
import { gitSource, Machine, purge, Rig, remainsOf, repository, writeFiles } from './rig'

const image = TEST_IMAGES.debian
let machine: Machine
let rig: Rig

beforeEach(() => {
  machine = new Machine()
})

afterEach(async () => {
  await rig.dispose()
  purge()
  machine.dispose()
})

/** Cancels an operation, and checks that nothing at all is left of what it was making. */
async function cancelled({ id, operationId }: { id: string; operationId: string }): Promise<void> {
  await rig.cancel(operationId)
  const operation = await rig.ended(operationId)
  expect(operation).toMatchObject({ state: 'cancelled', cancelling: false, problem: { code: 'cancelled' } })
  expect(operation.steps.filter(({ state }) => state === 'running' || state === 'pending')).toEqual([])
  expect(rig.service.workspaces.get(id)).toBeUndefined()
  expect(await remainsOf(id)).toEqual([])
  expect(machine.leftovers()).toEqual([])
  expect(machine.locks()).toEqual([])
}

/** Waits for a program that a fake git left hanging, and returns a check that it was ended. */
async function hanging(): Promise<() => boolean> {
  const file = join(machine.home, 'hanging')
  await expect.poll(() => existsSync(file) && readFileSync(file, 'utf8').endsWith('\n')).toBe(true)
  const pid = Number(readFileSync(file, 'utf8').trim())
  return () => {
    try {
      const state = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.[0]
      return state === 'Z'
    } catch {
      return true
    }
  }
}

async function open(): Promise<void> {
  rig = new Rig(machine)
  await rig.service.settled
}

describe('a create that is cancelled leaves nothing', () => {
  it('while the definition is read', async () => {
    machine.hangGit('*" fetch "*')
    await open()
    const bare = repository(machine.home, 'cancelled', { a: '1' })
    const created = await rig.create(gitSource(bare))
    expect(rig.workspace(created.id)).toMatchObject({
      state: 'creating',
      reason: 'Being created: reading the definition',
    })
    const ended = await hanging()
    await cancelled(created)
    await expect.poll(ended).toBe(true)
  })

  it('while it is cloned', async () => {
    machine.hangGit('*" clone "*')
    await open()
    const created = await rig.create(gitSource(repository(machine.home, 'cancelled', { a: '1' })))
    const ended = await hanging()
    await cancelled(created)
    await expect.poll(ended).toBe(true)
  })

  it('while initializeCommand runs on this machine', async () => {
    await open()
    const folder = join(machine.home, 'app')
    writeFiles(folder, {
      '.devcontainer.json': JSON.stringify({
        image,
        initializeCommand: `sleep 1000 & echo $! > ${machine.home}/hanging; wait`,
      }),
    })
    const created = await rig.create({ kind: 'folder', path: folder })
    const ended = await hanging()
    await cancelled(created)
    await expect.poll(ended).toBe(true)
  })

  it('while the image is built', async () => {
    await open()
    const bare = repository(machine.home, 'cancelled', {
      '.devcontainer.json': '{"build": {"dockerfile": "Dockerfile"}}',
      Dockerfile: `FROM ${image}\nRUN echo "build begins $(date +%N)" && sleep 1000\n`,
    })
    const created = await rig.create(gitSource(bare))
    await expect.poll(() => rig.output).toContain('build begins')
    await cancelled(created)
  })

  it('while the source is copied in', async () => {
    await open()
    const bare = repository(machine.home, 'cancelled', { a: '1' })
    const work = join(machine.home, 'cancelled-work')
    writeFileSync(join(work, 'large'), Buffer.alloc(64 * 1024 * 1024, 7))
    const { git } = await import('./rig')
    git(work, 'add', '.')
    git(work, 'commit', '--quiet', '-m', 'Large')
    git(work, 'push', '--quiet', bare, 'main')
    const created = await rig.create(gitSource(bare))
    await rig.step(created.operationId, 'copy', 'running')
    await cancelled(created)
  })

  it('while a command runs that it has to wait for', async () => {
    await open()
    const bare = repository(machine.home, 'cancelled', {
      '.devcontainer.json': JSON.stringify({ image, onCreateCommand: 'echo begun; sleep 1000' }),
    })
    const created = await rig.create(gitSource(bare))
    await expect.poll(() => rig.output).toContain('begun')
    await cancelled(created)
  })

  it('when the whole engine is disposed', async () => {
    await open()
    const bare = repository(machine.home, 'cancelled', {
      '.devcontainer.json': JSON.stringify({ image, onCreateCommand: 'echo begun; sleep 1000' }),
    })
    const { id } = await rig.create(gitSource(bare))
    await expect.poll(() => rig.output).toContain('begun')
    await rig.dispose()
    expect(await remainsOf(id)).toEqual([])
    expect(machine.locks()).toEqual([])
  })
})

describe('a rebuild that is cancelled', () => {
  it.each([
    ['while the image is built', { build: { dockerfile: 'Dockerfile' } }],
    ['while a command runs', { image, onCreateCommand: 'echo begun; sleep 1000' }],
  ])('leaves the workspace as it was %s', async (_when, definition) => {
    await open()
    const bare = repository(machine.home, 'cancelled', { '.devcontainer.json': JSON.stringify({ image }) })
    const { id } = await rig.up(gitSource(bare))
    writeFiles(machine.home, { 'new.json': JSON.stringify(definition) })
    await rig.run(
      id,
      'sh',
      '-c',
      `echo mark > /mark; printf %s '${JSON.stringify(definition)}' > .devcontainer.json; printf 'FROM ${image}\\nRUN echo "begun %s" && sleep 1000\\n' ${Date.now()} > Dockerfile`,
    )
    const before = rig.workspace(id)
    const rebuilt = await rig.service.handlers['workspaces.rebuild'](
      { workspaceId: id },
      new AbortController().signal,
    )
    await expect.poll(() => rig.output).toContain('begun')
    await rig.cancel(rebuilt.operationId)
    expect((await rig.ended(rebuilt.operationId)).state).toBe('cancelled')
    expect(rig.workspace(id)).toMatchObject({ state: 'running', definition: before.definition })
    expect(await rig.run(id, 'cat', '/mark')).toBe('mark\n')
    expect(machine.leftovers()).toEqual([])
    await rig.act('delete', id)
    expect(await remainsOf(id)).toEqual([])
  })
})

describe('two actions on one workspace', () => {
  it('never overlap, in one process or in two', async () => {
    await open()
    const bare = repository(machine.home, 'cancelled', {
      '.devcontainer.json': JSON.stringify({ image, onCreateCommand: 'echo begun; sleep 1000' }),
    })
    const created = await rig.create(gitSource(bare))
    await expect.poll(() => rig.output).toContain('begun')
    await expect(rig.act('stop', created.id)).rejects.toMatchObject({
      problem: { code: 'busy', cause: 'It is being created (running onCreateCommand).' },
    })
    const other = new Rig(machine)
    await other.service.settled
    await other.state(created.id, (workspace) => workspace?.state === 'creating')
    expect(other.workspace(created.id)).toMatchObject({
      name: 'cancelled',
      reason: 'Being created by another Berth process: running onCreateCommand',
    })
    await expect(other.act('delete', created.id)).rejects.toMatchObject({
      problem: { code: 'busy', cause: `Another Berth process (${process.pid}) is running onCreateCommand.` },
    })
    await cancelled(created)
    await other.state(created.id, (workspace) => workspace === undefined)
    await other.dispose()
  })

  it('answers at once which names are taken', async () => {
    await open()
    const first = await rig.up({ kind: 'image', image }, { name: 'taken-by-a-test' })
    await expect(rig.create({ kind: 'image', image }, { name: 'taken-by-a-test' })).rejects.toMatchObject({
      problem: { code: 'name-taken' },
    })
    await rig.act('delete', first.id)
  })
})
