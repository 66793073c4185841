import { describe, expect, it } from 'vitest'
import { parseIgnore } from './dockerignore'

describe('parseIgnore', () => {
  it.each([
    ['node_modules', 'node_modules/a/b', true],
    ['node_modules', 'sub/node_modules', false],
    ['**/node_modules', 'sub/node_modules/x', true],
    ['**/node_modules', 'node_modules', true],
    ['*.log', 'a.log', true],
    ['*.log', 'sub/a.log', false],
    ['**/*.log', 'sub/deep/a.log', true],
    ['*/temp*', 'sub/temporary.txt', true],
    ['*/*/temp*', 'sub/temp', false],
    ['temp?', 'tempa', true],
    ['temp?', 'temp', false],
    ['/rooted', 'rooted', true],
    ['./dotted/', 'dotted/file', true],
    ['a[0-9].txt', 'a5.txt', true],
    ['a[^0-9].txt', 'a5.txt', false],
    ['# comment', '# comment', false],
    ['\\#name', '#name', true],
    ['docs/**', 'docs/a/b', true],
    ['*', 'anything/at/all', true],
    ['(odd)+name', '(odd)+name', true],
  ])('%s on %s: %s', (pattern, path, ignored) => {
    expect(parseIgnore(pattern).ignores(path)).toBe(ignored)
  })

  it('lets the last rule that fits decide', () => {
    const rules = parseIgnore('\uFEFF*.md\r\n!README*.md\r\nREADME-secret.md\r\n')
    expect(rules.ignores('a.md')).toBe(true)
    expect(rules.ignores('README.md')).toBe(false)
    expect(rules.ignores('README-secret.md')).toBe(true)
    expect(rules.hasExceptions).toBe(true)
  })

  it('takes back what lies below an ignored folder', () => {
    const rules = parseIgnore('build\n!build/keep')
    expect(rules.ignores('build/x')).toBe(true)
    expect(rules.ignores('build/keep')).toBe(false)
    expect(rules.ignores('build/keep/deep')).toBe(false)
  })
})
