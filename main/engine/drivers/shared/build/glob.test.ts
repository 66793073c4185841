import { describe, expect, it } from 'vitest'
import { readGlob } from './glob'

describe('patterns of file names', () => {
  // More stars than a regular expression is trusted with.
  it.each([
    ['*a*b*c*', 'xxaxxbxxcxx', true],
    ['*a*b*c*', 'xxaxx/bxxc', false],
    ['*a*b*c', 'abcabd', false],
    ['**/*a*b*c/**/d', 'x/y/abc/d', true],
    ['**/*a*b*c/**/d', 'abc/z/z/d', true],
    ['**/*a*b*c/**/d', 'xabc/zd', false],
    ['**/**/foo', 'foo', true],
    ['**/**/foo', 'x/foo', true],
    ['**/**/foo', 'xfoo', false],
    ['**/**/foo', 'x/yfoo', false],
    ['**/a/**/b', 'xa/b', false],
    ['**/a/**/b', 'q/a/b', true],
    ['a/**/**', 'a/b/c', true],
    ['a**b**', 'axx/xb/y', true],
    ['*[0-9]*[x]*.t?t', 'a5bxc.txt', true],
    ['*[0-9]*[x]*.t?t', 'abxc.txt', false],
    ['*\\**\\?*', 'a*b?c', true],
    ['*\\**\\?*', 'a*bc', false],
    ['[z-a]', '[z-a]', true],
    ['[z-a]', 'z', false],
    ['[', '[', true],
  ])('%s on %s: %s', (pattern, path, expected) => {
    expect(readGlob(pattern).test(path)).toBe(expected)
  })

  it.each([
    `${'*a'.repeat(60)}*b`,
    `${'**/'.repeat(60)}b`,
    `${'**/*a'.repeat(60)}b`,
    `${'a**'.repeat(200)}b`,
    `${'[^/]*'.repeat(60)}b`,
  ])('%s is soon done with', (pattern) => {
    // Tried one way after the other, each of these would outlast us all.
    for (const path of ['a'.repeat(250), 'a/'.repeat(2000), `${'/'.repeat(4000)}c`])
      expect(readGlob(pattern).test(path)).toBe(false)
  })
})
