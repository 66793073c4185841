import { describe, expect, it } from 'vitest'
import { bytes, duration, printable, printableLine, style, table, truncate, width } from './text'

describe('printable', () => {
  it.each([
    ['a\u001b[31mred\u001b[0m', 'ared'],
    ['title\u001b]0;evil\u0007.', 'title.'],
    ['bell\u0007 back\b\u009b31m\u0085', 'bell back'],
    ['tab\tline\nfeed', 'tab\tline\nfeed'],
    ['äöü 漢字 🚀', 'äöü 漢字 🚀'],
    ['app\u202egnp.exe\u2066', 'appgnp.exe'],
  ])('makes %j %j', (text, expected) => expect(printable(text)).toBe(expected))
})

describe("a line of Berth's own", () => {
  it('keeps the colours that Berth gives it, and nothing else of what is in it', () => {
    const { red } = style(true)
    expect(printableLine(`${red('a')} b\u001b[2J\u001b[8mc\u001b]0;t\u0007`)).toBe(`${red('a')} bc`)
  })
})

describe('width and truncate', () => {
  it('counts wide characters twice and combining ones not at all', () => {
    expect(width('abc')).toBe(3)
    expect(width('漢字')).toBe(4)
    expect(width('e\u0301')).toBe(1)
    expect(width('🚀')).toBe(2)
  })

  it('cuts to the width, with an ellipsis', () => {
    expect(truncate('abcdef', 6)).toBe('abcdef')
    expect(truncate('abcdef', 5)).toBe('abcd…')
    expect(truncate('漢字漢字', 4)).toBe('漢…')
    expect(truncate('abc', 0)).toBe('')
  })
})

describe('table', () => {
  it('aligns columns and keeps every row on one line', () => {
    expect(
      table(
        ['NAME', 'STATE'],
        [
          ['漢', 'on\nline'],
          ['longer', ''],
        ],
      ),
    ).toBe('NAME    STATE\n漢      on line\nlonger')
  })
})

describe('bytes and duration', () => {
  it.each([
    [0, '0 B'],
    [999, '999 B'],
    [1000, '1.0 kB'],
    [1_550_000, '1.6 MB'],
    [250_000_000, '250 MB'],
    [3.2e12, '3.2 TB'],
  ])('writes %d as %s', (count, expected) => expect(bytes(count)).toBe(expected))

  it.each([
    [400, '0.4 s'],
    [12_900, '12 s'],
    [185_000, '3 min 5 s'],
    [7_800_000, '2 h 10 min'],
    [400_000_000, '4 d'],
    [-5, '0.0 s'],
  ])('writes %d ms as %s', (milliseconds, expected) => expect(duration(milliseconds)).toBe(expected))
})

describe('style', () => {
  it('adds nothing when colour is off', () => {
    expect(style(false).red('x')).toBe('x')
    expect(style(true).red('x')).toBe('\u001b[31mx\u001b[39m')
  })
})
