import { expect, it } from 'vitest'
import { UsageError } from '../exit-codes'
import { parseIdleTime } from './idle'

it.each([
  ['30m', 30],
  ['5min', 5],
  ['2h', 120],
  ['168h', 10_080],
  ['off', null],
  ['never', null],
])('reads %s', (text, minutes) => {
  expect(parseIdleTime(text)).toBe(minutes)
})

it.each(['', '0m', '30', '1.5h', '169h', '-1m', '2d', 'soon', '999999m'])('refuses %j', (text) => {
  expect(() => parseIdleTime(text)).toThrow(UsageError)
})
