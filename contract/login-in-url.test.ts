import { describe, expect, it } from 'vitest'
import { Dotfiles, PolicyRepository } from './index'
import { loginFault } from './login-in-url'

describe('a login in an address', () => {
  it.each([
    'https://ghp_token@example.com/x',
    'https://user:word@example.com/x',
    'HTTPS://user:p@word@example.com/x',
    ' https://token@example.com/x',
    'ssh://user:word@example.com/x',
    'git://user@example.com/x',
  ])('is told of %s', (url) => {
    expect(loginFault(url)).toBeDefined()
    // It would be kept in the settings, in the home of each workspace and in what is told of it.
    expect(Dotfiles.safeParse({ repository: url }).success).toBe(false)
    expect(PolicyRepository.safeParse({ url }).success).toBe(false)
  })

  it.each([
    'https://example.com/x@y',
    'https://example.com/?mail=a@b',
    'ssh://git@example.com/x',
    'git@example.com:x/y',
    'owner/name',
    '~/dotfiles',
  ])('is none of %s', (url) => {
    expect(loginFault(url)).toBeUndefined()
    expect(Dotfiles.safeParse({ repository: url }).success).toBe(true)
  })
})
