import { describe, expect, it } from 'vitest'
import { findDeepLink, readDeepLink } from './deep-links'

describe('readDeepLink', () => {
  it('fills in the source', () => {
    expect(readDeepLink('berth://open?url=https%3A%2F%2Fgithub.com%2Fa%2Fb%23main')).toEqual({
      command: 'new-workspace',
      source: 'https://github.com/a/b#main',
    })
    expect(readDeepLink('berth://open/?url=git@example.com:a/b.git')).toEqual({
      command: 'new-workspace',
      source: 'git@example.com:a/b.git',
    })
  })

  it.each([
    'berth://open',
    'berth://open?url=',
    'berth://open?url=%20',
    'berth://create?url=https://a/b',
    'berth:open?url=https://a/b',
    'https://open?url=https://a/b',
    'not a link',
    'berth://open?url=https://a/%0ab',
    'berth://open?url=https://a/%E2%80%AEb',
    `berth://open?url=${'a'.repeat(5000)}`,
  ])('reads nothing from %s', (link) => {
    expect(readDeepLink(link)).toBeUndefined()
  })

  it('finds the link among arguments', () => {
    expect(findDeepLink(['/usr/bin/berth', '--flag', 'berth://open?url=x'])).toBe('berth://open?url=x')
    expect(findDeepLink(['/usr/bin/berth', 'https://berth://'])).toBeUndefined()
  })
})
