import { execFileSync } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { TEST_IMAGES } from '../harness/images'
import { git, Machine, purge, Rig, remainsOf, repository, writeFiles } from './rig'

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

async function begin(options: ConstructorParameters<typeof Rig>[1] = {}): Promise<void> {
  rig = new Rig(machine, options)
  await rig.service.settled
}

/** A repository with one commit, and a worktree of it on the branch `side`. */
function worktree(definition: object): { main: string; side: string } {
  const main = join(machine.home, 'main')
  const side = join(machine.home, 'side')
  mkdirSync(main)
  git(main, 'init', '--quiet', '--initial-branch=main')
  writeFiles(main, { '.devcontainer.json': JSON.stringify({ image, ...definition }) })
  git(main, 'add', '.')
  git(main, 'commit', '--quiet', '-m', 'First')
  git(main, 'worktree', 'add', '--quiet', '-b', 'side', side)
  return { main, side }
}

describe('git in a mounted folder', () => {
  it('works in a worktree, whose repository is mounted too, also after a rebuild', async () => {
    const { main, side } = worktree({})
    // What the repository keeps of a worktree that is not mounted outlives a clean-up inside.
    const other = join(machine.home, 'other')
    git(main, 'worktree', 'add', '--quiet', '-b', 'other', other)
    execFileSync('touch', ['-d', '1 year ago', join(main, '.git/worktrees/other/index')])
    await begin()
    const { id } = await rig.up({ kind: 'folder', path: side })
    expect(await rig.run(id, 'git', 'status', '--short', '--branch')).toBe('## side\n')
    await rig.run(id, 'sh', '-c', 'git -c user.name=T -c user.email=t@t commit -q --allow-empty -m Inside')
    expect(git(main, 'log', '--format=%s', 'side')).toBe('Inside\nFirst\n')
    await rig.run(id, 'git', 'gc', '--quiet')
    expect(git(other, 'status', '--short', '--branch')).toBe('## other\n')
    expect((await rig.act('rebuild', id)).state).toBe('succeeded')
    expect(await rig.run(id, 'git', 'log', '-1', '--format=%s')).toBe('Inside\n')
    await rig.act('delete', id)
    expect(await remainsOf(id)).toEqual([])
    expect(git(side, 'log', '-1', '--format=%s')).toBe('Inside\n')
  })

  it('leaves what leads to a repository in the home to the user', async () => {
    const { side } = worktree({ remoteUser: 'dev' })
    const deep = join(machine.home, 'deep')
    writeFiles(deep, {
      '.devcontainer.json': JSON.stringify({
        image,
        remoteUser: 'dev',
        mounts: [`type=bind,source=${side},target=/home/dev/a/b/side`],
      }),
    })
    await begin()
    const { id } = await rig.up({ kind: 'folder', path: deep }, { allowRights: true })
    expect(await rig.run(id, 'stat', '-c', '%U', '/home/dev', '/home/dev/a', '/home/dev/a/b')).toBe(
      'dev\ndev\ndev\n',
    )
  })

  it('takes a folder that belongs to somebody else, and leaves the configurations alone', async () => {
    const { main } = worktree({ remoteUser: 'dev' })
    const config = readFileSync(join(main, '.git/config'), 'utf8')
    execFileSync('chown', ['-R', '4321:4321', main])
    await begin()
    const { id } = await rig.up({ kind: 'folder', path: main })
    for (const user of ['git', 'env HOME=/nowhere git'])
      expect(await rig.run(id, ...user.split(' '), 'status', '--short', '--branch')).toBe('## main\n')
    expect((await rig.act('rebuild', id)).state).toBe('succeeded')
    expect(await rig.run(id, 'git', 'status', '--short', '--branch')).toBe('## main\n')
    expect(readFileSync(join(main, '.git/config'), 'utf8')).toBe(config)
    expect(await rig.run(id, 'sh', '-c', 'ls -A ~ | grep -c gitconfig || true')).toBe('0\n')
  })

  it('says of a copy and of a submodule that git has no repository there', async () => {
    const { main, side } = worktree({})
    const part = repository(machine.home, 'part', { 'a.txt': 'a' })
    git(main, '-c', 'protocol.file.allow=always', 'submodule', '--quiet', 'add', part, 'part')
    const submodule = join(main, 'part')
    writeFileSync(join(submodule, '.devcontainer.json'), JSON.stringify({ image }))
    await begin({ bindMounts: false })
    const copy = await rig.up({ kind: 'folder', path: side })
    expect(copy.definition.notApplied).toMatchObject([
      { field: '.git', reason: expect.stringMatching(/not copied/) },
    ])
    await rig.dispose()
    await begin()
    const mounted = await rig.up({ kind: 'folder', path: submodule })
    expect(mounted.definition.notApplied).toMatchObject([
      { field: '.git', reason: expect.stringMatching(/is a submodule/) },
    ])
  })
})
