import { expect, test } from 'vitest'
import { losesWork, unsavedWork } from './words'

test('unsaved work in words', () => {
  const none = { repository: '/r', uncommitted: 0, untracked: 0, unpushed: 0, stashed: 0 }
  expect(unsavedWork(none)).toBe('')
  expect(unsavedWork({ ...none, uncommitted: 1, unpushed: 2, stashed: 2 })).toBe(
    '1 uncommitted change, 2 unpushed commits, 2 stashes',
  )
})

test('a delete is never taken for harmless', () => {
  const idle = { state: 'running', terminals: 0, livePorts: 0 } as const
  expect(losesWork('delete', { ...idle, state: 'stopped' })).toBe(true)
  expect(losesWork('rebuild', idle)).toBe(true)
  expect(losesWork('stop', idle)).toBe(false)
  expect(losesWork('restart', { ...idle, livePorts: 1 })).toBe(true)
  expect(losesWork('stop', { ...idle, terminals: 1 })).toBe(true)
})
