import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { TEST_IMAGES } from '../harness/images'
import type { TestCluster } from '../harness/kubernetes/cluster'
import type { TestNamespace } from '../harness/kubernetes/namespaces'
import { sharedCluster } from '../harness/kubernetes/shared'
import { testLifecycle } from '../workspaces/lifecycle.suite'
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

testLifecycle({
  get machine() {
    return machine
  },
  get rig() {
    return rig
  },
  another: () => new Rig(machine, { kind: 'kubernetes' }),
  told() {
    const kinds = 'statefulsets,pods,persistentvolumeclaims,networkpolicies,events'
    return cluster.kubectl('-n', namespace.name, 'get', kinds, '-o', 'yaml')
  },
})

it('is empty where a git repository is, and takes the default image', async () => {
  const bare = join(machine.home, 'empty.git')
  git(machine.home, 'init', '--quiet', '--bare', '--initial-branch=main', bare)
  const { id, image: used } = await up(gitSource(bare))
  expect(used).toBe(image)
  expect(await rig.run(id, 'git', 'branch', '--show-current')).toBe('main\n')
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
  const hanging = () => expect.poll(() => existsSync(join(machine.home, 'hanging'))).toBe(true)

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
    await expect.poll(() => rig.output).toContain('begun')
    await cancelled(created)
  })

  it('when the whole engine is disposed', async () => {
    const bare = repository(machine.home, 'cancelled', {
      '.devcontainer.json': JSON.stringify({ image, onCreateCommand: 'echo begun; sleep 1000' }),
    })
    await rig.create(gitSource(bare))
    await expect.poll(() => rig.output).toContain('begun')
    await rig.dispose()
    expect(await remains()).toEqual([])
    await open()
  })
})
