import { expect, test } from 'vitest'
import { parseAnsi } from './ansi'

test('plain text is one plain run', () => {
  expect(parseAnsi('hello')).toEqual([{ text: 'hello' }])
  expect(parseAnsi('')).toEqual([])
})

test('colours begin and end where they say', () => {
  expect(parseAnsi('a\x1b[31mb\x1b[0mc')).toEqual([
    { text: 'a' },
    { text: 'b', color: 'var(--berth-ansi-red)' },
    { text: 'c' },
  ])
})

test('looks add up and are taken back one by one', () => {
  expect(parseAnsi('\x1b[1;4;33;44mx\x1b[22;24;39;49my')).toEqual([
    {
      text: 'x',
      bold: true,
      underline: true,
      color: 'var(--berth-ansi-yellow)',
      background: 'var(--berth-ansi-blue)',
    },
    { text: 'y' },
  ])
})

test.each([
  ['\x1b[38;5;196mx', 'rgb(255 0 0)'],
  ['\x1b[38;5;240mx', 'rgb(88 88 88)'],
  ['\x1b[38;5;2mx', 'var(--berth-ansi-green)'],
  ['\x1b[38;2;1;2;3mx', 'rgb(1 2 3)'],
  ['\x1b[90mx', 'var(--berth-text-faint)'],
])('extended colour %j', (line, color) => {
  expect(parseAnsi(line)).toEqual([{ text: 'x', color }])
})

test('everything else that is not text is left out', () => {
  const line = 'a\x1b[2K\x1b[1Gb\x1b]0;title\x07c\x1b]8;;http://x\x1b\\d\x1b(Be\x07\x08f\tg'
  expect(
    parseAnsi(line)
      .map((run) => run.text)
      .join(''),
  ).toBe('abcdef\tg')
})

test('unknown and broken codes change nothing', () => {
  expect(parseAnsi('\x1b[999mx')).toEqual([{ text: 'x' }])
  expect(parseAnsi('\x1b[50mx')).toEqual([{ text: 'x' }])
  expect(parseAnsi('\x1b[38mx')).toEqual([{ text: 'x' }])
  expect(parseAnsi('x\x1b[')[0]?.text).toBe('x')
})
