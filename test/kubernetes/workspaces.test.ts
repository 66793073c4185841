import { existsSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { TEST_IMAGES } from '../harness/images'
import type { TestCluster } from '../harness/kubernetes/cluster'
import type { TestNamespace } from '../harness/kubernetes/namespaces'
import { sharedCluster } from '../harness/kubernetes/shared'
import { git, gitSource, Machine, Rig, repository, writeFiles } from '../workspaces/rig'

// What test/workspaces asks of Docker, asked of a cluster: the whole of Berth's lifecycle under the documented Role.

const image = TEST_IMAGES.debian
let cluster: TestCluster
let namespace: TestNamespace
let machine: Machine
let rig: Rig

beforeAll(async () => {
  cluster = await sharedCluster()
  namespace = await cluster.makeNamespace()
})
afterAll(() => namespace?.dispose())

beforeEach(async () => {
  machine = new Machine({ KUBECONFIG: namespace.kubeconfig, TOKEN: 'a-secret-value' })
  await open()
})
afterEach(async () => {
  for (const { id, state } of rig.service.operations.list()) {
    if (state === 'running') await rig.cancel(id).then(() => rig.ended(id))
  }
  for (const { id } of rig.service.workspaces.list()) await rig.act('delete', id)
  await rig.dispose()
  expect(await remains()).toEqual([])
  expect(machine.leftovers()).toEqual([])
  expect(machine.locks()).toEqual([])
  machine.dispose()
})

async function open(): Promise<void> {
  rig = new Rig(machine, { kind: 'kubernetes' })
  await rig.service.settled
}

/** All that anybody but the cluster itself has made in the namespace, as its administrator sees it. */
async function remains(): Promise<string[]> {
  const kinds = 'statefulsets,pods,persistentvolumeclaims,secrets,configmaps,services,networkpolicies'
  const names = await cluster.kubectl('-n', namespace.name, 'get', kinds, '-o', 'name')
  return names
    .split('\n')
    .filter((name) => name !== '' && !/^(secret\/(developer|default)-|configmap\/kube-root-ca)/.test(name))
}

const up = (...args: Parameters<Rig['up']>) => rig.up(...args)

describe('a git repository', () => {
  it('comes up with its source, environment and lifecycle commands in their order', async () => {
    const bare = repository(machine.home, 'My_App', {
      '.devcontainer/devcontainer.json': JSON.stringify({
        image,
        remoteUser: 'dev',
        containerEnv: { FROM_HOST: '${localEnv:TOKEN}', PLAIN: 'x' },
        remoteEnv: { BOTH: '${containerEnv:PLAIN}-${localEnv:TOKEN}' },
        onCreateCommand: 'echo one >> order',
        updateContentCommand: ['sh', '-c', 'echo two >> order'],
        postCreateCommand: { a: 'echo three-a; echo "$FROM_HOST" > seen', b: ['true'] },
        postStartCommand: 'echo four >> order',
        postAttachCommand: 'echo five >> order',
        features: { x: {} },
      }),
      'run.sh': '#!/bin/sh\necho ran\n',
      'sub folder/ünï.txt': 'text',
    })
    const work = join(machine.home, 'My_App-work')
    symlinkSync('run.sh', join(work, 'link'))
    git(work, 'add', '.')
    git(work, 'commit', '--quiet', '-m', 'Second')
    git(work, 'push', '--quiet', bare, 'main')

    const { id, state, name, user, definition } = await up(gitSource(bare))
    expect({ state, name }).toEqual({ state: 'running', name: 'my-app' })
    expect(user).toMatchObject({ name: 'dev', uid: 1000 })
    expect(definition.notApplied.map(({ field }) => field)).toEqual(['features'])
    expect(await rig.run(id, 'pwd')).toBe('/workspaces/My_App\n')
    expect(await rig.run(id, 'cat', 'order')).toBe('one\ntwo\nfour\nfive\n')
    expect(await rig.run(id, 'cat', 'seen')).toBe('a-secret-value\n')
    expect(await rig.run(id, 'sh', '-c', 'echo $BOTH')).toBe('x-a-secret-value\n')
    expect(await rig.run(id, './link')).toBe('ran\n')
    expect(await rig.run(id, 'cat', 'sub folder/ünï.txt')).toBe('text')
    expect(await rig.run(id, 'stat', '-c', '%U %a', 'run.sh', '.git')).toBe('dev 755\ndev 755\n')
    expect(await rig.run(id, 'git', 'log', '--format=%s')).toBe('Second\nFirst\n')
    expect(await rig.run(id, 'git', 'status', '--short')).toBe('?? order\n?? seen\n')
    expect(await rig.run(id, 'git', 'remote', 'get-url', 'origin')).toBe(`file://${bare}\n`)
    expect(rig.output).toContain('[a] three-a')

    const kinds = 'statefulsets,pods,persistentvolumeclaims,networkpolicies,events'
    expect(await cluster.kubectl('-n', namespace.name, 'get', kinds, '-o', 'yaml')).not.toContain(
      'a-secret-value',
    )
    const again = new Rig(machine, { kind: 'kubernetes' })
    await again.service.settled
    expect(again.workspace(id)).toMatchObject({ state: 'running', name: 'my-app', definition })
    await again.dispose()
  })

  it('checks out a branch and a short commit, with submodules', async () => {
    const inner = repository(machine.home, 'inner', { 'inner.txt': 'inside' })
    const bare = repository(machine.home, 'outer', { 'a.txt': 'main' })
    const work = join(machine.home, 'outer-work')
    const allowed = ['-c', 'protocol.file.allow=always']
    git(work, 'checkout', '--quiet', '-b', 'feature/x')
    git(work, ...allowed, 'submodule', 'add', '--quiet', `file://${inner}`, 'deps/inner')
    writeFiles(work, { 'a.txt': 'feature' })
    git(work, 'add', '.')
    git(work, 'commit', '--quiet', '-m', 'Feature')
    git(work, 'push', '--quiet', bare, 'feature/x')
    const first = git(work, 'rev-parse', 'main').trim()

    const branch = await up(gitSource(bare, 'feature/x'))
    expect(await rig.run(branch.id, 'cat', 'a.txt', 'deps/inner/inner.txt')).toBe('featureinside')
    expect(await rig.run(branch.id, 'git', 'branch', '--show-current')).toBe('feature/x\n')
    const ref = { kind: 'commit', id: first.slice(0, 8) } as const
    const at = await up({ kind: 'git', url: `file://${bare}`, ref })
    expect(at.name).toBe('outer-2')
    expect(await rig.run(at.id, 'git', 'rev-parse', 'HEAD')).toBe(`${first}\n`)
  })

  it('is empty where the repository is, and takes the default image', async () => {
    const bare = join(machine.home, 'empty.git')
    git(machine.home, 'init', '--quiet', '--bare', '--initial-branch=main', bare)
    const { id, image: used } = await up(gitSource(bare))
    expect(used).toBe(image)
    expect(await rig.run(id, 'git', 'branch', '--show-current')).toBe('main\n')
  })
})

describe('a folder and an image', () => {
  it('copies the folder, and runs initializeCommand here', async () => {
    const folder = join(machine.home, 'app')
    writeFiles(folder, {
      '.devcontainer.json': JSON.stringify({ image, initializeCommand: 'echo made-here > made' }),
      'src/main.txt': 'text',
      'run.sh': '#!/bin/sh\necho ran\n',
    })
    const { id } = await up({ kind: 'folder', path: folder })
    expect(await rig.run(id, 'sh', '-c', 'cat made src/main.txt && ./run.sh')).toBe('made-here\ntextran\n')
    await rig.run(id, 'sh', '-c', 'echo changed > src/main.txt')
    expect(readFileSync(join(folder, 'src/main.txt'), 'utf8')).toBe('text')
  })

  it('is ready in an image alone, also one without a shell', async () => {
    const full = await up({ kind: 'image', image })
    expect(await rig.run(full.id, 'sh', '-c', 'test -w . && test -w ~ && echo both')).toBe('both\n')
    const bare = await up({ kind: 'image', image: TEST_IMAGES.scratch })
    expect(bare.state).toBe('running')
  })
})

describe('the other actions', () => {
  it('stops, starts with its start commands, restarts, renames and deletes', async () => {
    const bare = repository(machine.home, 'actions', {
      '.devcontainer.json': JSON.stringify({
        image,
        postCreateCommand: 'echo c >> ~/log',
        postStartCommand: 'echo s >> ~/log',
      }),
    })
    const { id, incarnation } = await up(gitSource(bare))
    expect((await rig.act('stop', id)).problem).toBeUndefined()
    expect(rig.workspace(id).state).toBe('stopped')
    expect((await rig.act('start', id)).problem).toBeUndefined()
    expect(rig.workspace(id).state).toBe('running')
    expect(rig.workspace(id).incarnation).not.toBe(incarnation)
    expect((await rig.act('restart', id)).problem).toBeUndefined()
    expect(await rig.run(id, 'sh', '-c', 'cat ~/log')).toBe('c\ns\ns\ns\n')
    const renamed = await rig.service.handlers['workspaces.rename'](
      { workspaceId: id, name: 'another' },
      new AbortController().signal,
    )
    await rig.succeeded(renamed.operationId)
    expect(rig.workspace(id)).toMatchObject({ name: 'another', state: 'running' })
    await rig.act('delete', id)
    expect(rig.service.workspaces.get(id)).toBeUndefined()
  })

  it('rebuilds from what the source says now, and keeps source and home', async () => {
    const bare = repository(machine.home, 'rebuilt', {
      '.devcontainer.json': JSON.stringify({ image, remoteUser: 'dev' }),
    })
    const { id } = await up(gitSource(bare))
    const definition = JSON.stringify({
      image,
      remoteUser: 'dev',
      containerEnv: { NEW: 'new' },
      postCreateCommand: 'echo again > created',
    })
    await rig.run(
      id,
      'sh',
      '-c',
      `echo kept > kept; echo home > ~/kept; printf %s '${definition}' > .devcontainer.json`,
    )
    expect((await rig.act('rebuild', id)).problem).toBeUndefined()
    expect(rig.workspace(id).definition.containerEnv).toEqual({ NEW: 'new' })
    expect(await rig.run(id, 'sh', '-c', 'cat kept ~/kept created; echo $NEW')).toBe(
      'kept\nhome\nagain\nnew\n',
    )
  })

  it('brings the old one back when a rebuild fails, running as it was', async () => {
    const bare = repository(machine.home, 'kept', {
      '.devcontainer.json': JSON.stringify({ image, containerEnv: { WHICH: 'old' } }),
    })
    const { id } = await up(gitSource(bare))
    const definition = { image, containerEnv: { WHICH: 'new' }, onCreateCommand: 'echo broken; exit 3' }
    await rig.run(id, 'sh', '-c', `printf %s '${JSON.stringify(definition)}' > .devcontainer.json`)
    const failed = await rig.act('rebuild', id)
    expect(failed.problem).toMatchObject({ code: 'lifecycle-failed', detail: 'broken\n' })
    expect(rig.workspace(id)).toMatchObject({ state: 'running' })
    expect(await rig.run(id, 'sh', '-c', 'echo $WHICH')).toBe('old\n')
  })

  it('keeps a workspace whose lifecycle command fails, and says which', async () => {
    const bare = repository(machine.home, 'failing', {
      '.devcontainer.json': JSON.stringify({ image, onCreateCommand: 'echo oh; exit 7' }),
    })
    const { id, operationId } = await rig.create(gitSource(bare))
    expect(await rig.failure(operationId)).toMatchObject({
      code: 'lifecycle-failed',
      title: 'onCreateCommand failed',
      cause: '“echo oh; exit 7” ended with exit code 7.',
      detail: 'oh\n',
    })
    expect(rig.workspace(id)).toMatchObject({ state: 'running', reason: 'Running; onCreateCommand failed' })
  })

  it('tells what survives, and what git work would be lost', async () => {
    const bare = repository(machine.home, 'unsaved', {
      '.devcontainer.json': JSON.stringify({ image, remoteUser: 'dev' }),
      a: '1',
    })
    const { id } = await up(gitSource(bare))
    await rig.run(id, 'sh', '-c', 'echo 2 > a; touch new')
    const survival = await rig.service.handlers['workspaces.survival'](
      { workspaceId: id, action: 'delete' },
      new AbortController().signal,
    )
    expect(survival.unsaved).toEqual([
      { repository: '/workspaces/unsaved', uncommitted: 1, untracked: 1, unpushed: 0, stashed: 0 },
    ])
  })
})

it('a create that no node can take fails with what is missing, and leaves nothing', async () => {
  const { operationId } = await rig.create(
    { kind: 'image', image },
    { kubernetes: { nodeSelector: { 'example.com/none': 'such' } } },
  )
  const problem = await rig.failure(operationId)
  expect(`${problem.title} ${problem.cause}`).toContain('example.com/none')
  expect(await remains()).toEqual([])
})

describe('a create that is cancelled leaves nothing', () => {
  async function cancelled({ id, operationId }: { id: string; operationId: string }): Promise<void> {
    await rig.cancel(operationId)
    const operation = await rig.ended(operationId)
    expect(operation).toMatchObject({ state: 'cancelled', problem: { code: 'cancelled' } })
    expect(rig.service.workspaces.get(id)).toBeUndefined()
    expect(await remains()).toEqual([])
    expect(machine.leftovers()).toEqual([])
  }
  const hanging = () =>
    expect.poll(() => existsSync(join(machine.home, 'hanging')), { timeout: 30_000 }).toBe(true)

  it.each(['fetch', 'clone'])('while git does its %s', async (verb) => {
    await rig.dispose()
    machine.hangGit(`*" ${verb} "*`)
    await open()
    const created = await rig.create(gitSource(repository(machine.home, 'cancelled', { a: '1' })))
    await hanging()
    await cancelled(created)
  })

  it('while the source is copied in', async () => {
    const bare = repository(machine.home, 'cancelled', { a: '1' })
    const work = join(machine.home, 'cancelled-work')
    writeFileSync(join(work, 'large'), Buffer.alloc(64 * 1024 * 1024, 7))
    git(work, 'add', '.')
    git(work, 'commit', '--quiet', '-m', 'Large')
    git(work, 'push', '--quiet', bare, 'main')
    const created = await rig.create(gitSource(bare))
    await rig.step(created.operationId, 'copy', 'running')
    await cancelled(created)
  })

  it('while a command runs that it has to wait for', async () => {
    const bare = repository(machine.home, 'cancelled', {
      '.devcontainer.json': JSON.stringify({ image, onCreateCommand: 'echo begun; sleep 1000' }),
    })
    const created = await rig.create(gitSource(bare))
    await expect.poll(() => rig.output, { timeout: 60_000 }).toContain('begun')
    await cancelled(created)
  })

  it('when the whole engine is disposed', async () => {
    const bare = repository(machine.home, 'cancelled', {
      '.devcontainer.json': JSON.stringify({ image, onCreateCommand: 'echo begun; sleep 1000' }),
    })
    await rig.create(gitSource(bare))
    await expect.poll(() => rig.output, { timeout: 60_000 }).toContain('begun')
    await rig.dispose()
    expect(await remains()).toEqual([])
    await open()
  })
})
