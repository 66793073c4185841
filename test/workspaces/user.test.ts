import { execFileSync } from 'node:child_process'
import { chownSync, mkdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Platform } from '../../main/engine/platform/platform'
import { TEST_IMAGES } from '../harness/images'
import { created, Machine, purge, Rig, remainsOf, writeFiles } from './rig'

/** As if whoever works here had another uid than the images' own user. */
class OtherUser extends Machine {
  override platform(): Platform {
    return { ...super.platform(), localUser: () => ({ uid: 4242, gid: 4343 }) }
  }
}

let machine: Machine
let rig: Rig
let folder: string

beforeEach(() => {
  machine = new OtherUser()
  rig = new Rig(machine)
  folder = join(machine.home, 'project')
  mkdirSync(folder)
})
afterEach(async () => {
  await rig.dispose()
  machine.dispose()
})
afterAll(purge)

const source = () => ({ kind: 'folder', path: folder }) as const

function define(definition: Record<string, unknown>): void {
  writeFiles(folder, { '.devcontainer/devcontainer.json': JSON.stringify(definition) })
  execFileSync('chown', ['-R', '4242:4343', folder])
}

async function gone(id: string): Promise<void> {
  await rig.act('delete', id)
  expect(await remainsOf(id)).toEqual([])
  created.delete(id)
}

describe('updateRemoteUserUID', () => {
  it.each([TEST_IMAGES.debian, TEST_IMAGES.alpine])(
    'gives the remote user of %s the uid of whoever has the folder that is mounted',
    async (image) => {
      define({ image, remoteUser: 'dev', postCreateCommand: 'touch made-inside && touch ~/at-home' })
      const workspace = await rig.up(source())
      expect(workspace.user).toMatchObject({ name: 'dev', uid: 4242, gid: 4343 })
      const made = statSync(join(folder, 'made-inside'))
      expect([made.uid, made.gid]).toEqual([4242, 4343])
      expect(
        (await rig.run(workspace.id, 'sh', '-c', 'id -u; id -gn; stat -c %u "$HOME"')).split('\n'),
      ).toEqual(['4242', 'dev', '4242', ''])
      // Again from what is there: the home that is kept belongs to the same user.
      expect((await rig.act('rebuild', workspace.id)).state).toBe('succeeded')
      expect(rig.workspace(workspace.id).user.uid).toBe(4242)
      expect(await rig.run(workspace.id, 'sh', '-c', 'touch ~/at-home && echo well')).toBe('well\n')
      await gone(workspace.id)
    },
  )

  it('leaves it where the definition says so, where another has the uid, and root', async () => {
    define({ image: TEST_IMAGES.debian, remoteUser: 'dev', updateRemoteUserUID: false })
    const left = await rig.up(source())
    expect(left.user.uid).toBe(1000)
    expect(left.definition.notApplied).toEqual([])
    await gone(left.id)

    define({ build: { dockerfile: 'Dockerfile' }, remoteUser: 'dev' })
    writeFiles(folder, {
      '.devcontainer/Dockerfile': `FROM ${TEST_IMAGES.debian}\nRUN useradd --uid 4242 other\n`,
    })
    const taken = await rig.up(source())
    expect(taken.user.uid).toBe(1000)
    expect(taken.definition.notApplied).toEqual([
      expect.objectContaining({ field: 'updateRemoteUserUID', reason: expect.stringContaining('4242') }),
    ])
    await gone(taken.id)

    define({ image: TEST_IMAGES.debian })
    const root = await rig.up(source())
    expect(root.user.uid).toBe(0)
    await gone(root.id)
  })

  it('leaves the user of a workspace whose home belongs to another uid already, and says so', async () => {
    define({ image: TEST_IMAGES.debian, remoteUser: 'dev', updateRemoteUserUID: false })
    const workspace = await rig.up(source())
    define({ image: TEST_IMAGES.debian, remoteUser: 'dev' })
    chownSync(folder, 0, 0)
    expect((await rig.act('rebuild', workspace.id)).state).toBe('succeeded')
    const { definition, user } = rig.workspace(workspace.id)
    expect(user.uid).toBe(1000)
    expect(definition.notApplied).toEqual([
      expect.objectContaining({
        field: 'updateRemoteUserUID',
        reason: expect.stringContaining('new workspace'),
      }),
    ])
    await gone(workspace.id)
  })
})

describe('userEnvProbe', () => {
  const withProfile = (profile: string, more: Record<string, unknown> = {}) => {
    writeFiles(folder, {
      '.devcontainer/Dockerfile': [
        `FROM ${TEST_IMAGES.debian}`,
        'ENV PATH=/image/bin:$PATH IMAGE=1',
        'COPY profile /home/dev/.bash_profile',
        '',
      ].join('\n'),
      '.devcontainer/profile': profile,
    })
    define({
      build: { dockerfile: 'Dockerfile' },
      remoteUser: 'dev',
      updateRemoteUserUID: false,
      remoteEnv: { CHOSEN: 'by the definition' },
      ...more,
      postCreateCommand: 'env > /tmp/environment',
    })
    chownSync(folder, 1000, 1000)
  }
  const environment = async (id: string) =>
    Object.fromEntries(
      (await rig.run(id, 'cat', '/tmp/environment'))
        .split('\n')
        .map((line) => line.split(/=(.*)/).slice(0, 2)),
    )

  it('gives commands what the login files export, and what the image has in PATH', async () => {
    withProfile('export TOOL=ready CHOSEN=no PATH="$HOME/.tool/bin:$PATH"\n')
    const { id } = await rig.up(source())
    const found = await environment(id)
    expect(found).toMatchObject({ TOOL: 'ready', IMAGE: '1', CHOSEN: 'by the definition', HOME: '/home/dev' })
    expect(found.PATH).toContain('/home/dev/.tool/bin')
    expect(found.PATH).toContain('/image/bin')
    await gone(id)
  })

  it('finds it among garbage, and does without where it is told to', async () => {
    withProfile('echo TOOL=garbage; printf "\\0TOOL=worse\\0"; set -x; export TOOL=ready\n')
    const { id } = await rig.up(source())
    expect(await environment(id)).toMatchObject({ TOOL: 'ready' })
    await gone(id)
    withProfile('export TOOL=ready\n', { userEnvProbe: 'none' })
    const none = await rig.up(source())
    expect(await environment(none.id)).not.toHaveProperty('TOOL')
    await gone(none.id)
  })

  it('goes on without it where the files hang, says why, and leaves nothing running', async () => {
    withProfile('sleep 424242\n')
    const { id } = await rig.up(source())
    expect(await environment(id)).toMatchObject({ IMAGE: '1' })
    expect(rig.output).toContain('did not end within 10 seconds')
    await expect.poll(() => rig.run(id, 'sh', '-c', 'pgrep -fa "[s]leep 424242" || true')).toBe('')
    await gone(id)
  })
})

describe('hostRequirements', () => {
  const preview = () =>
    rig.service.handlers['workspaces.preview']({ source: source() }, new AbortController().signal)

  it('warns of what the engine has too little of, before and while it is made', async () => {
    define({ image: TEST_IMAGES.debian, hostRequirements: { cpus: 4096, memory: '900tb', storage: '900tb' } })
    const { shortages, hostProblem } = await preview()
    expect(shortages).toEqual([
      expect.stringContaining('4096 processors'),
      expect.stringContaining('900 TB of memory'),
      expect.stringContaining('900 TB of disk'),
    ])
    expect(hostProblem).toBeUndefined()
    const { id } = await rig.up(source())
    expect(rig.output).toContain('Warning: It asks for 4096 processors')
    await gone(id)
  })

  it('refuses a graphics processor that cannot be had, and does without one that is only welcome', async () => {
    define({ image: TEST_IMAGES.debian, hostRequirements: { gpu: true, cpus: 1 } })
    expect((await preview()).hostProblem?.code).toBe('unsupported')
    const { id, operationId } = await rig.create(source())
    expect((await rig.failure(operationId)).title).toContain('graphics processor')
    expect(await remainsOf(id)).toEqual([])
    created.delete(id)
    define({ image: TEST_IMAGES.debian, hostRequirements: { gpu: 'optional', cpus: 1 } })
    const { shortages, hostProblem } = await preview()
    expect([shortages, hostProblem]).toEqual([undefined, undefined])
    await gone((await rig.up(source())).id)
  })
})
