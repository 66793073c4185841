import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { findLinkedRepository } from './linked-repository'
import { trusting } from './trusted-folder'

let root: string

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'berth-linked-'))
})
afterEach(() => rmSync(root, { recursive: true }))

function files(texts: Readonly<Record<string, string>>): void {
  for (const [path, text] of Object.entries(texts)) {
    mkdirSync(dirname(join(root, path)), { recursive: true })
    writeFileSync(join(root, path), text)
  }
}

const repository = (at: string) => ({
  [`${at}/HEAD`]: 'ref: refs/heads/main\n',
  [`${at}/objects/x`]: '',
  [`${at}/refs/x`]: '',
})
const find = (folder: string) => findLinkedRepository(join(root, folder), '/workspaces/side')

it('finds nothing to do for a repository of its own, and for no repository', async () => {
  files({ 'own/.git/HEAD': 'ref: refs/heads/main\n', 'plain/a': '' })
  expect(await find('own')).toBeUndefined()
  expect(await find('plain')).toBeUndefined()
})

it('mounts the repository of a worktree where its file says that it is', async () => {
  files({
    ...repository('main/.git'),
    'main/.git/worktrees/side/HEAD': 'ref: refs/heads/side\n',
    'main/.git/worktrees/side/commondir': '../..\n',
    'side/.git': `gitdir: ${root}/main/.git/worktrees/side\n`,
    'near/.git': 'gitdir: ../main/.git/worktrees/side\n',
  })
  const source = join(root, 'main/.git')
  expect(await find('side')).toEqual({ mount: { type: 'bind', source, target: source, ofSource: true } })
  expect(await find('near')).toEqual({
    mount: { type: 'bind', source, target: '/workspaces/main/.git', ofSource: true },
  })
})

it('mounts nothing that is no repository, and says so', async () => {
  files({
    'fake/HEAD': 'ref: refs/heads/main\n',
    'fake/commondir': '/\n',
    'evil/.git': 'gitdir: ../fake\n',
    'lost/.git': 'gitdir: /nowhere/at/all\n',
    'odd/.git': 'something else',
  })
  expect(await find('evil')).toMatchObject({ reason: expect.stringContaining('no repository at /') })
  expect(await find('lost')).toMatchObject({ reason: expect.stringContaining('/nowhere/at/all') })
  expect(await find('odd')).toBeUndefined()
})

it('adds to a configuration of git and takes nothing from it', () => {
  expect(trusting('[a]\n\tb = c', '/w/"x"')).toMatch(/^\n\[safe\]\n\tdirectory = "\/w\/\\"x\\""\n/)
  expect(trusting('', '/w')).toMatch(/^\[safe\]\n/)
})
