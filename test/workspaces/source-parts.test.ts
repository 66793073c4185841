import { execFileSync } from 'node:child_process'
import { symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { TEST_IMAGES } from '../harness/images'
import { created, git, gitSource, Machine, purge, Rig, repository, writeFiles } from './rig'

let machine: Machine
let rig: Rig

beforeAll(() => {
  machine = new Machine({ BERTH_TEST_TOKEN: 'of-this-machine' })
  rig = new Rig(machine)
})

afterEach(async () => {
  for (const id of [...created]) await rig.act('delete', id).catch(() => undefined)
  purge()
})

afterAll(async () => {
  await rig.dispose()
  machine.dispose()
})

const image = TEST_IMAGES.debian
const docker = (...words: string[]) => execFileSync('docker', words, { encoding: 'utf8' })

describe('a part of the source at a second place', () => {
  it('is there where the source has a volume, and where it is a folder of this machine', async () => {
    const files = {
      '.devcontainer.json': JSON.stringify({
        image,
        workspaceMount: 'source=${localWorkspaceFolder}/app,target=/work,type=bind',
        workspaceFolder: '/work',
        mounts: ['source=${localWorkspaceFolder}/data,target=/srv/data,type=bind'],
        postCreateCommand: 'pwd > /tmp/where; ls > /tmp/what',
      }),
      'app/main': 'main\n',
      'data/file': 'data\n',
    }
    const folder = join(machine.home, 'parts')
    writeFiles(folder, files)
    for (const source of [
      gitSource(repository(machine.home, 'parts-git', files)),
      { kind: 'folder', path: folder } as const,
    ]) {
      const { id, definition } = await rig.up(source)
      expect(definition.notApplied).toEqual([])
      expect(await rig.run(id, 'cat', 'main', '/srv/data/file', '/tmp/what')).toBe('main\ndata\nmain\n')
      await rig.run(id, 'sh', '-c', 'echo changed > /work/main')
      expect((await rig.act('rebuild', id)).problem).toBeUndefined()
      expect(await rig.run(id, 'cat', '/work/main')).toBe('changed\n')
    }
  })

  it('is not followed out of the source onto the machine of the engine', async () => {
    const bare = repository(machine.home, 'escape', {
      '.devcontainer/devcontainer.json': JSON.stringify({
        dockerComposeFile: 'compose.yml',
        service: 'app',
        workspaceFolder: '/workspaces/escape',
      }),
      '.devcontainer/compose.yml': `services:
  app: { image: ${image}, command: sleep infinity, volumes: ['..:/workspaces/escape'] }
  thief: { image: ${image}, command: sleep infinity, volumes: ['../loot/etc:/loot'] }
`,
    })
    const work = join(machine.home, 'escape-work')
    symlinkSync('/', join(work, 'loot'))
    git(work, 'add', '.')
    git(work, 'commit', '--quiet', '-m', 'A link')
    git(work, 'push', '--quiet', bare, 'main')
    const { operationId } = await rig.create(gitSource(bare))
    expect(await rig.failure(operationId)).toMatchObject({
      code: 'service-failed',
      cause: expect.stringContaining('/workspaces/escape/loot is a symbolic link'),
    })
  })

  it('asks before it mounts a folder that is not the source', async () => {
    const folder = join(machine.home, 'asking')
    const side = join(machine.home, 'side')
    writeFiles(side, { file: 'secret\n' })
    writeFiles(folder, {
      '.devcontainer.json': JSON.stringify({ image, mounts: [`type=bind,source=${side},target=/side`] }),
    })
    symlinkSync(side, join(folder, 'link'))
    const { id, definition } = await rig.up({ kind: 'folder', path: folder })
    expect(definition.notApplied.map(({ field }) => field)).toEqual([`mount ${side}`])
    expect(await rig.run(id, 'sh', '-c', 'ls /side 2>&1 || true')).toContain('No such file')
    const { operationId } = await rig.service.handlers['workspaces.rebuild'](
      { workspaceId: id, allowRights: true },
      new AbortController().signal,
    )
    await rig.succeeded(operationId)
    expect(await rig.run(id, 'cat', '/side/file')).toBe('secret\n')
  })
})

describe('a secret or config that is no file of the source', () => {
  it('is written into its container, and no description of one holds its value', async () => {
    const compose = `
services:
  app:
    image: ${image}
    command: sleep infinity
    volumes: ["seen:/seen"]
    secrets: [{source: token, target: /deep/er/token, uid: "7", mode: 0400}]
    configs: [motd]
    depends_on: {once: {condition: service_completed_successfully}}
  once:
    image: ${image}
    command: sh -c 'cat /run/secrets/token /motd > /seen/once && stat -c "%u %a" /run/secrets/token >> /seen/once'
    volumes: ["seen:/seen"]
    secrets: [token]
    configs: [motd]
secrets: {token: {environment: BERTH_TEST_TOKEN}}
configs: {motd: {content: "hello $\{BERTH_TEST_TOKEN}\\n"}}
volumes: {seen: }
`
    const source = gitSource(
      repository(machine.home, 'written', {
        '.devcontainer/devcontainer.json': JSON.stringify({
          dockerComposeFile: 'compose.yml',
          service: 'app',
          workspaceFolder: '/workspaces/written',
        }),
        '.devcontainer/compose.yml': compose,
      }),
    )
    const { id, definition } = await rig.up(source)
    expect(definition.notApplied).toEqual([])
    expect(await rig.run(id, 'cat', '/seen/once')).toBe('of-this-machinehello of-this-machine\n0 444\n')
    expect(await rig.run(id, 'cat', '/deep/er/token', '/motd')).toBe('of-this-machinehello of-this-machine\n')
    expect(await rig.run(id, 'stat', '-c', '%u %a', '/deep/er', '/deep/er/token')).toBe('0 755\n7 400\n')
    const labelled = ['berth.dev/workspace', 'berth.dev/service-of'].map((name) =>
      docker('ps', '--all', '--quiet', '--no-trunc', '--filter', `label=${name}=${id}`).trim(),
    )
    expect(labelled).toEqual([expect.stringMatching(/^\w{64}$/), expect.stringMatching(/^\w{64}$/)])
    expect(docker('inspect', ...labelled)).not.toContain('of-this-machine')
  })
})
