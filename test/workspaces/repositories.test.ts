import { rmSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { type GitServer, startGitServer } from '../../main/engine/access/credentials/git-server.suite'
import { zipOf } from '../../main/engine/workspaces/source/zip.test-helper'
import { TEST_IMAGES } from '../harness/images'
import { git, Machine, purge, Rig, remainsOf, repository, writeFiles } from './rig'

const image = TEST_IMAGES.debian
let machine: Machine
let rig: Rig
let server: GitServer
/** Where zip archives are, and nothing else. */
let archives: Server
const archive = (name: string) => `http://127.0.0.1:${(archives.address() as AddressInfo).port}/${name}`

beforeAll(async () => {
  machine = new Machine()
  const zip = zipOf([{ name: 'packed-main/' }, { name: 'packed-main/in/it.txt', data: 'unpacked' }])
  archives = createServer(({ url }, answer) =>
    url === '/packed.zip' ? answer.end(zip) : answer.writeHead(404).end(),
  )
  await new Promise<void>((resolve) => archives.listen(0, '127.0.0.1', resolve))
  server = await startGitServer({ root: machine.home, login: 'me:pass word', closed: '/private/' })
  const api = repository(machine.home, 'api', { 'api.txt': 'first' })
  const work = join(machine.home, 'api-work')
  git(work, 'checkout', '--quiet', '-b', 'feature/x')
  writeFiles(work, { 'api.txt': 'next' })
  git(work, 'commit', '--quiet', '-am', 'Next')
  git(work, 'push', '--quiet', api, 'feature/x')
})

afterEach(async () => {
  await rig.dispose()
  purge()
  expect(machine.leftovers()).toEqual([])
})

afterAll(async () => {
  await server.close()
  archives.close()
  machine.dispose()
})

async function begin(options: ConstructorParameters<typeof Rig>[1] = {}): Promise<void> {
  rig = new Rig(machine, options)
  await rig.service.settled
}

const definition = () => `image: ${image}
additionalRepositories:
  - url: ${server.origin}/api.git
  - url: ${server.origin}/api.git#feature/x
    checkoutLocation: front/next
`

describe('a repository in place of the source', () => {
  it('is what an image is built of, at its branch and in its folder, with nothing of git', async () => {
    await begin()
    const bare = repository(machine.home, 'image', {})
    const work = join(machine.home, 'image-work')
    git(work, 'checkout', '--quiet', '-b', 'pages')
    writeFiles(work, {
      'docker/own/Dockerfile': `FROM ${image}\nCOPY . /built\n`,
      'docker/file.txt': 'of the other one',
    })
    git(work, 'add', '.')
    git(work, 'commit', '--quiet', '-m', 'Image')
    git(work, 'push', '--quiet', bare, 'pages')
    repository(machine.home, 'composed', {
      '.devcontainer.json': JSON.stringify({ dockerComposeFile: 'compose.yaml', service: 'app' }),
      'compose.yaml': JSON.stringify({
        services: {
          app: {
            build: { context: `${server.origin}/image.git#pages:docker`, dockerfile: 'own/Dockerfile' },
            command: 'sleep infinity',
          },
        },
      }),
    })
    const { id } = await rig.up({ kind: 'git', url: `${server.origin}/composed.git` })
    expect(await rig.run(id, 'ls', '-A', '/built')).toBe('file.txt\nown\n')
    // The same files are not built again.
    expect((await rig.act('rebuild', id)).steps).toContainEqual(
      expect.objectContaining({ id: 'contexts', state: 'done' }),
    )
    await rig.act('delete', id)
    expect(await remainsOf(id)).toEqual([])
  })
})

describe('repositories beside the source', () => {
  it('are cloned with it, and kept by a rebuild, which clones what was missing', async () => {
    await begin()
    repository(machine.home, 'app', {
      '.gitpod.yml': `${definition()}  - url: ${server.origin}/late.git\ncheckoutLocation: src/app\n`,
    })
    const { id, reason } = await rig.up({ kind: 'git', url: `${server.origin}/app.git` })
    expect(reason).toContain('/workspaces/late is missing')
    expect(rig.output).toContain(`${server.origin}/late.git`)
    expect(rig.workspace(id).state).toBe('running')
    expect(await rig.run(id, 'pwd')).toBe('/workspaces/src/app\n')
    const contents = () => rig.run(id, 'cat', '/workspaces/api/api.txt', '/workspaces/front/next/api.txt')
    expect(await contents()).toBe('firstnext')
    expect(await rig.run(id, 'git', '-C', '/workspaces/front/next', 'status', '--short', '--branch')).toBe(
      '## feature/x...origin/feature/x\n',
    )
    await rig.run(id, 'sh', '-c', 'printf mine > /workspaces/api/api.txt')
    const { unsaved } = await rig.service.handlers['workspaces.survival'](
      { workspaceId: id, action: 'delete' },
      new AbortController().signal,
    )
    expect(unsaved).toMatchObject([{ repository: '/workspaces/api', uncommitted: 1 }])

    repository(machine.home, 'late', { 'late.txt': 'late' })
    expect((await rig.act('rebuild', id)).state).toBe('succeeded')
    expect(await contents()).toBe('minenext')
    expect(await rig.run(id, 'cat', '/workspaces/late/late.txt')).toBe('late')
    expect(rig.workspace(id).reason).not.toContain('missing')
    await rig.act('delete', id)
    expect(await remainsOf(id)).toEqual([])
  })

  it.each([{ bindMounts: true }, { bindMounts: false }])(
    'are there with a folder of this machine, and outlive a rebuild (%o)',
    async (options) => {
      await begin(options)
      const folder = join(machine.home, 'folder')
      writeFiles(folder, {
        '.gitpod.yml': `${definition()}  - url: ${server.origin}/api.git\n    checkoutLocation: folder/inside\n`,
      })
      const { id, reason } = await rig.up({ kind: 'folder', path: folder })
      // What is the user's own is not written to.
      expect(reason.includes('/workspaces/folder/inside is missing')).toBe(options.bindMounts)
      const contents = () => rig.run(id, 'cat', '/workspaces/api/api.txt', '/workspaces/front/next/api.txt')
      expect(await contents()).toBe('firstnext')
      await rig.run(id, 'sh', '-c', 'printf mine > /workspaces/api/api.txt')
      expect((await rig.act('rebuild', id)).state).toBe('succeeded')
      expect(await contents()).toBe('minenext')
      expect(await rig.run(id, 'ls', '-A', '/workspaces/folder')).toBe(
        options.bindMounts ? '.gitpod.yml\n' : '.gitpod.yml\ninside\n',
      )
      await rig.act('delete', id)
      expect(await remainsOf(id)).toEqual([])
      rmSync(folder, { recursive: true })
    },
  )

  it('are there as a devfile has its projects, and outlive a rebuild', async () => {
    await begin()
    repository(machine.home, 'devfile', {
      'devfile.yaml': `schemaVersion: 2.2.0
components: [{ name: dev, container: { image: ${image} } }]
commands:
  - { id: leave, exec: { component: dev, commandLine: 'printf left > left.txt; exit 3' } }
events: { preStop: [leave] }
projects:
  - name: api
    git:
      remotes: { upstream: "${server.origin}/api.git", fork: "https://example.com/fork.git" }
      checkoutFrom: { remote: upstream }
  - { name: packed, zip: { location: "${archive('packed.zip')}" } }
  - { name: gone, zip: { location: "${archive('gone.zip')}" } }
`,
    })
    const { id, definition, reason } = await rig.up({ kind: 'git', url: `${server.origin}/devfile.git` })
    expect(reason).toContain('/projects/gone is missing')
    expect(rig.output).toContain('The server answered 404')
    expect(await rig.run(id, 'cat', '/projects/packed/in/it.txt')).toBe('unpacked')
    expect(definition).toMatchObject({ format: 'devfile', workspaceFolder: '/projects/devfile' })
    expect(await rig.run(id, 'git', '-C', '/projects/api', 'remote', '--verbose')).toBe(
      `fork\thttps://example.com/fork.git (fetch)\nfork\thttps://example.com/fork.git (push)\nupstream\t${server.origin}/api.git (fetch)\nupstream\t${server.origin}/api.git (push)\n`,
    )
    await rig.run(id, 'sh', '-c', 'printf mine > /projects/api/api.txt; printf own > own.txt')
    expect((await rig.act('rebuild', id)).state).toBe('succeeded')
    expect(await rig.run(id, 'cat', '/projects/api/api.txt', '/projects/devfile/own.txt')).toBe('mineown')
    const stopped = await rig.act('stop', id)
    expect(stopped.state, 'a command that fails before keeps it from nothing').toBe('succeeded')
    expect(stopped.steps.find((step) => step.id === 'preStop')?.detail).toBe('preStop failed')
    await rig.act('start', id)
    expect(await rig.run(id, 'cat', 'left.txt')).toBe('left')
    await rig.act('delete', id)
    expect(await remainsOf(id)).toEqual([])
  })
})

describe('a starter project', () => {
  const devfile = () => `schemaVersion: 2.2.0
components: [{ name: dev, container: { image: ${image} } }]
starterProjects:
  - name: small
    description: A small one
    subDir: apps/small
    git: { remotes: { origin: "${server.origin}/starters.git" } }
  - { name: lost, subDir: apps/none, git: { remotes: { origin: "${server.origin}/starters.git" } } }
`
  beforeAll(() => {
    repository(machine.home, 'starters', {
      'apps/small/main.py': 'print(1)',
      'apps/small/README.md': 'of the starter',
      'apps/small/lib/deep.txt': 'deep',
      'other.txt': 'not this',
    })
  })

  it.each([{ bindMounts: true }, { bindMounts: false }])(
    'is put into a source that has nothing but its definition (%o)',
    async (options) => {
      await begin(options)
      const folder = join(machine.home, 'starting')
      writeFiles(folder, { 'devfile.yaml': devfile(), 'README.md': 'my own' })
      const source = { kind: 'folder', path: folder } as const
      const failure = async (starter: string) =>
        (await rig.failure((await rig.create(source, { starter })).operationId)).cause
      expect(await failure('big')).toBe('The definition has: small, lost.')
      expect(await failure('lost')).toBe('Its repository has no folder "apps/none".')

      const { id } = await rig.up(source, { starter: 'small' })
      const seen = await rig.run(id, 'sh', '-c', 'ls -A; cat README.md main.py lib/deep.txt')
      expect(seen).toBe('README.md\ndevfile.yaml\nlib\nmain.py\nmy ownprint(1)deep')
      await rig.act('delete', id)
      expect(await remainsOf(id)).toEqual([])
      writeFiles(folder, { 'main.py': 'mine' })
      expect(await failure('small')).toContain('has files of its own already')
      rmSync(folder, { recursive: true })
    },
  )
})
