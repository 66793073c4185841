import { expect, test } from 'vitest'
import { PrebuildInput } from '#contract'
import { wishAgain } from './prebuilds'

const made = {
  id: '0a1b2c3d4e5f',
  madeAt: 0,
  commit: 'a'.repeat(40),
  targetId: 'docker:default',
  url: 'https://example.com/one.git',
  image: 'berth/prebuild:one',
  size: 1,
}

test('a prebuild is asked for again as it was made: of its branch or commit, definition and image', () => {
  expect(wishAgain(made)).toEqual({
    targetId: 'docker:default',
    source: { kind: 'git', url: made.url },
    force: true,
  })
  const branch = {
    ...made,
    ref: 'next',
    definitionPath: '.devcontainer/api/devcontainer.json',
    otherImage: 'debian',
  }
  expect(wishAgain(branch)).toMatchObject({
    source: { ref: { kind: 'branch', name: 'next' } },
    definitionPath: '.devcontainer/api/devcontainer.json',
    image: 'debian',
  })
  const commit = wishAgain({ ...made, ref: 'b'.repeat(40) })
  expect(commit.source).toMatchObject({ ref: { kind: 'commit', id: 'b'.repeat(40) } })
  expect(PrebuildInput.safeParse(commit).success).toBe(true)
})
