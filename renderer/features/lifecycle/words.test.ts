import { expect, test } from 'vitest'
import { unsavedWork, withSnapshots } from './words'

test('unsaved work in words', () => {
  const none = { repository: '/r', uncommitted: 0, untracked: 0, unpushed: 0, stashed: 0 }
  expect(unsavedWork(none)).toBe('')
  expect(unsavedWork({ ...none, uncommitted: 1, unpushed: 2, stashed: 2 })).toBe(
    '1 uncommitted change, 2 unpushed commits, 2 stashes',
  )
})

test('snapshots are lost with their workspace, unless the user keeps them', () => {
  const snapshots = { what: 'The 2 snapshots of its data', keepable: true } as const
  const survival = { kept: [], lost: [{ what: 'The source', path: '/w' }, snapshots] }
  expect(withSnapshots(survival, false)).toEqual(survival)
  expect(withSnapshots(survival, true)).toEqual({
    kept: [snapshots],
    lost: [{ what: 'The source', path: '/w' }],
  })
})
