import { expect, it } from 'vitest'
import { parseForeground } from './foreground'

it('is the group that leads the terminal, where that is not the shell’s own', () => {
  expect(parseForeground(['40 52'])).toBe(52)
  expect(parseForeground(['40 40'])).toBeUndefined()
})

it.each([[[]], [['']], [['40 -1']], [['40 0']], [['40']], [['40 52', '60 61']]])(
  'is not known from %j',
  (lines) => {
    expect(parseForeground(lines)).toBeUndefined()
  },
)
