import { expect, it } from 'vitest'
import { destination, drawn, isElsewhere } from './windowed'

it.each([
  ['ArrowDown', 3, 4],
  ['ArrowDown', 9, undefined],
  ['ArrowUp', 3, 2],
  ['ArrowUp', 0, undefined],
  ['Home', 7, 0],
  ['End', 2, 9],
  ['a', 2, undefined],
])('%s leads from row %s of ten to %s', (key, from, to) => {
  expect(destination(key, from, 10)).toBe(to)
})

it('takes rows for elsewhere when none of them was in view', () => {
  const before = { startIndex: 10, endIndex: 20 }
  expect(isElsewhere({ startIndex: 0, endIndex: 9 }, before)).toBe(true)
  expect(isElsewhere({ startIndex: 0, endIndex: 10 }, before)).toBe(false)
  expect(isElsewhere({ startIndex: 20, endIndex: 30 }, before)).toBe(false)
  expect(isElsewhere({ startIndex: 21, endIndex: 31 }, before)).toBe(true)
  expect(isElsewhere({ startIndex: 0, endIndex: 9 }, undefined)).toBe(false)
})

it.each([
  [0, []],
  [2, [10, 11]],
  [4, [10, 11, 12, 13]],
  [5, [10, 11, 12, 13]],
  [6, [9, 10, 11, 12, 13, 14]],
  [1000, Array.from({ length: 20 }, (_, at) => at)],
])('of %s rows those in view are drawn first', (rows, indexes) => {
  expect(drawn({ startIndex: 10, endIndex: 13, count: 20 }, rows)).toEqual(indexes)
})
