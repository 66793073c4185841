import { execFileSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { TEST_IMAGES } from '../harness/images'
import type { TestCluster } from '../harness/kubernetes/cluster'
import type { TestNamespace } from '../harness/kubernetes/namespaces'
import { sharedCluster } from '../harness/kubernetes/shared'
import { git, Machine, Rig, writeFiles } from '../workspaces/rig'

const mebibyte = 1024 * 1024
let cluster: TestCluster
let namespace: TestNamespace
let machine: Machine
let rig: Rig
let targetId: string

beforeAll(async () => {
  cluster = await sharedCluster()
  namespace = await cluster.makeNamespace()
  machine = new Machine({ KUBECONFIG: namespace.kubeconfig })
  rig = new Rig(machine, { kind: 'both' })
  await rig.service.settled
  targetId = rig.service.targets.list().find(({ kind }) => kind === 'kubernetes')?.id ?? 'none'
})

afterAll(async () => {
  await rig?.dispose()
  machine?.dispose()
  await namespace?.dispose()
})

function project(name: string): { kind: 'folder'; path: string } {
  const path = join(machine.home, name)
  writeFiles(path, {
    '.devcontainer.json': JSON.stringify({ image: TEST_IMAGES.debian }),
    '.gitignore': 'node_modules/\n*.log\n',
    'src/main.ts': 'main',
    'forced.log': 'tracked',
  })
  git(path, 'init', '--quiet', '--initial-branch=main')
  git(path, 'add', '-f', '.')
  git(path, 'commit', '--quiet', '-m', 'First')
  writeFiles(path, { 'node_modules/big/index.js': 'x', 'other.log': 'x', 'new file': 'new' })
  return { kind: 'folder', path }
}

/** All of Berth's in the namespace, as an administrator sees it. */
async function objects(): Promise<string> {
  const kinds = 'statefulset,pvc,secret,networkpolicy,pod'
  const label = 'app.kubernetes.io/managed-by=berth'
  return cluster.kubectl('-n', namespace.name, 'get', kinds, '-l', label, '-o', 'name')
}

describe('a folder on a cluster', () => {
  it('arrives without what git ignores where that is asked for, and git works in it', async () => {
    const { id } = await rig.up(project('asked'), { targetId, respectGitignore: true })
    const listed = await rig.run(id, 'find', '.', '-not', '-path', './.git/*', '-type', 'f')
    expect(listed.split('\n').filter(Boolean).sort()).toEqual(
      ['./.devcontainer.json', './.gitignore', './forced.log', './new file', './src/main.ts'].sort(),
    )
    expect(await rig.run(id, 'git', 'status', '--porcelain')).toBe('?? "new file"\n')
    expect((await rig.act('delete', id)).state).toBe('succeeded')
  })

  it('arrives whole else, with what it is told of on the way, and what has no place is named', async () => {
    const source = project('whole')
    writeFileSync(join(source.path, 'blob'), Buffer.alloc(24 * mebibyte, 7))
    execFileSync('mkfifo', [join(source.path, 'pipe')])
    const { id, operationId } = await rig.create(source, { targetId })
    const seen: { current: number; total?: number | undefined; unit: string }[] = []
    const stop = rig.service.operations.onChange(() => {
      const step = rig.service.operations.get(operationId)?.steps.find((one) => one.id === 'copy')
      if (step?.progress) seen.push(step.progress)
    })
    const { steps } = await rig.succeeded(operationId)
    stop()
    expect(
      seen.some(
        ({ current, total = 0, unit }) => unit === 'bytes' && current < total && total > 24 * mebibyte,
      ),
    ).toBe(true)
    expect(steps.find((step) => step.id === 'copy')?.detail).toMatch(/1 left out/)
    expect(rig.output).toContain('Left out, as it is a pipe: pipe')
    expect(
      await rig.run(id, 'sh', '-c', 'ls node_modules/big other.log; wc -c <blob; ls pipe 2>&1 || true'),
    ).toMatch(/index\.js[\s\S]*25165824[\s\S]*No such file/)
    expect((await rig.act('delete', id)).state).toBe('succeeded')
  })

  it('that is cancelled while it is copied leaves nothing, here or there', async () => {
    const source = project('cancelled')
    mkdirSync(join(source.path, 'many'))
    for (let count = 0; count < 40; count++)
      writeFileSync(join(source.path, 'many', String(count)), Buffer.alloc(8 * mebibyte, count))
    const { operationId } = await rig.create(source, { targetId, respectGitignore: true })
    await rig.step(operationId, 'copy', 'running')
    await rig.cancel(operationId)
    expect((await rig.ended(operationId)).state).toBe('cancelled')
    await expect.poll(objects).toBe('')
    expect(machine.leftovers()).toEqual([])
  })

  it('cannot leave anything out where it is mounted', async () => {
    await expect(rig.create(project('mounted'), { respectGitignore: true })).rejects.toMatchObject({
      problem: { code: 'invalid-input' },
    })
  })
})
