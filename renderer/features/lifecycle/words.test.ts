import { expect, test } from 'vitest'
import { unsavedWork } from './words'

test('unsaved work in words', () => {
  const none = { repository: '/r', uncommitted: 0, untracked: 0, unpushed: 0, stashed: 0 }
  expect(unsavedWork(none)).toBe('')
  expect(unsavedWork({ ...none, uncommitted: 1, unpushed: 2, stashed: 2 })).toBe(
    '1 uncommitted change, 2 unpushed commits, 2 stashes',
  )
})
