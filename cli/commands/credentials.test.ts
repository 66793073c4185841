import { describe, expect, it } from 'vitest'
import { parseCredential } from './credentials'

describe('a credential on the command line', () => {
  it.each([
    ['github.com', 'https://github.com'],
    ['https://GitHub.com/', 'https://github.com'],
    ['http://127.0.0.1:8080', 'http://127.0.0.1:8080'],
    ['https://[::1]:8443', 'https://[::1]:8443'],
  ])('%s is %s', (text, origin) => {
    expect(parseCredential(text)).toEqual({ kind: 'git', origin })
  })

  it('ssh is the agent', () => {
    expect(parseCredential('ssh')).toEqual({ kind: 'ssh' })
    expect(parseCredential('gpg')).toEqual({ kind: 'gpg' })
  })

  it.each([
    '',
    'ssh://github.com',
    'https://user@github.com',
    'https://github.com/acme',
    'a b',
    '-x',
    'h:99999x',
  ])('%j is none', (text) => {
    expect(() => parseCredential(text)).toThrow('neither ssh, gpg nor a git server')
  })
})
