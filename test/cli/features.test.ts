import { mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { FeatureLockDocument, ProblemDocument } from '../../cli/documents'
import { TestRegistry } from '../../main/engine/features/test-registry.suite'
import { command } from '../harness/command'
import { type CommandLine, commandLine } from './berth'

const reference = join(import.meta.dirname, '../../node_modules/@devcontainers/cli/devcontainer.js')

let berth: CommandLine
let registry: TestRegistry
let folder: string
/** A Feature of the registry, by a name that the dev container CLI also speaks plain HTTP to. */
const name = (path: string) => `localhost:${registry.host.split(':')[1]}/${path}`

beforeAll(async () => {
  berth = await commandLine()
  registry = await TestRegistry.start()
  folder = join(berth.home, 'project')
  await registry.publish('team/base', { version: '2.0.1' }, { tags: ['2', 'latest'] })
  const dependsOn = { [name('team/base:2')]: {} }
  await registry.publish('team/tool', { version: '1.4.0', dependsOn }, { tags: ['1', '1.4.0'] })
  await mkdir(join(folder, '.devcontainer', 'local'), { recursive: true })
  const local = { id: 'local', version: '1.0.0', name: 'Local' }
  await writeFile(join(folder, '.devcontainer/local/devcontainer-feature.json'), JSON.stringify(local))
  await writeFile(join(folder, '.devcontainer/local/install.sh'), '#!/bin/sh\n')
  await define('team/tool:1')
})
afterAll(async () => {
  await registry?.stop()
  await berth?.dispose()
})

const define = (path: string) =>
  writeFile(
    join(folder, '.devcontainer/devcontainer.json'),
    JSON.stringify({ image: 'debian', features: { [name(path)]: {}, './local': {} } }),
  )
const file = () => join(folder, '.devcontainer/devcontainer-lock.json')

describe('berth features', () => {
  it('writes the lock file that the dev container CLI writes, and says when it is out of date', async () => {
    const printed = await berth.run(['features', 'lock', folder, '--dry-run'])
    expect(await readdir(join(folder, '.devcontainer'))).toEqual(['devcontainer.json', 'local'])
    const upgrade = [reference, 'upgrade', '--workspace-folder', folder, '--dry-run', '--log-level', 'error']
    const theirs = await command(process.execPath, upgrade, { env: berth.env })
    expect(JSON.parse(printed.stdout.toString())).toEqual(JSON.parse(theirs))

    const missing = await berth.run(['features', 'check', folder])
    expect(missing).toMatchObject({ code: 1, stderr: expect.stringContaining('not in it → 1.4.0') })
    const wrote = await berth.json(FeatureLockDocument, ['features', 'lock', folder])
    expect(wrote).toMatchObject({ path: '.devcontainer/devcontainer-lock.json', written: true })
    expect(await readFile(file(), 'utf8')).toBe(wrote.text)
    expect(await readdir(join(folder, '.devcontainer'))).toHaveLength(3)
    expect(await berth.run(['features', 'check', folder])).toMatchObject({ code: 0 })
    const again = await berth.json(FeatureLockDocument, ['features', 'lock', folder])
    expect(again).toMatchObject({ written: false, isCurrent: true })

    await registry.publish('team/base', { version: '2.1.0' }, { tags: ['2', 'latest'] })
    const old = await berth.run(['features', 'check', folder])
    expect(old).toMatchObject({ code: 1, stderr: expect.stringContaining('2.0.1 → 2.1.0') })
    await define('team/base')
    const { features } = await berth.json(FeatureLockDocument, ['features', 'lock', folder])
    expect(features).toEqual([
      { reference: name('team/base'), locked: null, found: '2.1.0', isSame: false },
      { reference: name('team/base:2'), locked: '2.0.1', found: null, isSame: false },
      { reference: name('team/tool:1'), locked: '1.4.0', found: null, isSame: false },
    ])
  })

  it('follows no link, and says where there is nothing to lock', async () => {
    const other = join(berth.home, 'other')
    await mkdir(other)
    await writeFile(join(berth.home, 'theirs'), '{}')
    await writeFile(join(other, '.devcontainer.json'), JSON.stringify({ image: 'debian' }))
    await symlink(join(berth.home, 'theirs'), join(other, '.devcontainer-lock.json'))
    const problemOf = async (...args: string[]) => {
      const { code, stdout } = await berth.run(['features', 'lock', ...args, '--json'])
      expect(code).toBe(1)
      return ProblemDocument.parse(JSON.parse(stdout.toString())).problem
    }
    expect((await problemOf(other)).code).toMatch(/^(definition-invalid|permission-denied)$/)
    expect(await readFile(join(berth.home, 'theirs'), 'utf8')).toBe('{}')
    expect(await problemOf(join(berth.home, 'none'))).toMatchObject({ code: 'folder-not-found' })
    const bare = join(berth.home, 'bare')
    await mkdir(bare)
    expect(await problemOf(bare)).toMatchObject({ code: 'not-found', title: 'There is no devcontainer.json' })
  })
})
