import { expect, it } from 'vitest'
import { clockTime, countdown } from './idle-words'

it.each([
  [299_000, '4:59'],
  [298_001, '4:59'],
  [7_000, '0:07'],
  [0, '0:00'],
  [-5_000, '0:00'],
  [3_720_000, '1:02:00'],
])('writes %i ms as %s', (milliseconds, text) => {
  expect(countdown(milliseconds)).toBe(text)
})

it('names the day where it is another one', () => {
  const now = new Date(2026, 10, 26, 12).getTime()
  expect(clockTime(now - 60_000, now)).not.toMatch(/26/)
  expect(clockTime(now - 24 * 3_600_000, now)).toMatch(/25/)
})
