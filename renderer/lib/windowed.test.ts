import { expect, it } from 'vitest'
import { destination } from './windowed'

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
