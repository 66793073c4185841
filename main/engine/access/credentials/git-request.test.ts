import { describe, expect, it } from 'vitest'
import { formatGitRequest, originOf, parseGitAnswer, parseGitRequest } from './git-request'

const parse = (text: string) => parseGitRequest(Buffer.from(text))

describe('what git asks for', () => {
  it('is read with what is understood of it, and written again', () => {
    const request = parse(
      'capability[]=authtype\ncapability[]=state\nprotocol=https\nhost=Git.Example:8443\npath=a b/c.git\nusername=mé\nwwwauth[]=Basic realm="x"\n\nhost=evil\n',
    )
    expect(request).toEqual({
      protocol: 'https',
      host: 'git.example:8443',
      path: 'a b/c.git',
      username: 'mé',
    })
    expect(request && originOf(request)).toBe('https://git.example:8443')
    expect(request && formatGitRequest(request)).toBe(
      'protocol=https\nhost=git.example:8443\npath=a b/c.git\nusername=mé\n\n',
    )
  })

  it.each([
    '',
    '\n',
    'protocol=https\n',
    'host=git.example\n',
    'protocol=ssh\nhost=git.example\n',
    'protocol=cert\nhost=git.example\n',
    'protocol=https\nhost=\n',
    'protocol=https\nhost=--upload-pack=x\n',
    'protocol=https\nhost=-x\n',
    'protocol=https\nhost=a/b\n',
    'protocol=https\nhost=a@b\n',
    'protocol=https\nhost=a b\n',
    'protocol=https\nhost=a?b\n',
    'protocol=https\nhost=a%0ab\n',
    'protocol=https\nhost=a\u202eb\n',
    'protocol=https\nhost=аpple.com\n',
    'protocol=https\nhost=a:0\n',
    'protocol=https\nhost=a:999999\n',
    `protocol=https\nhost=${'a'.repeat(300)}\n`,
    'protocol=https\nhost=one\nhost=two\n',
    'protocol=https\nhost=a\nusername=x\u001b[31m\n',
    'protocol=https\nhost=a\nusername=x\r\n',
    'protocol=https\nhost=a\npath=x\u0000y\n',
    `protocol=https\nhost=a\nusername=${'u'.repeat(257)}\n`,
    'protocol=https\nhost=a\nnothing\n',
    '=x\n',
  ])('is not read from %j', (text) => {
    expect(parse(text)).toBeUndefined()
  })

  it('is text', () => {
    expect(parseGitRequest(Buffer.from('protocol=https\nhost=a\nusername=\xff\n', 'latin1'))).toBeUndefined()
  })
})

describe('what git answers', () => {
  it('is a user name and a password, and when they expire', () => {
    expect(parseGitAnswer('protocol=https\nusername=me\npassword=a=b\npassword_expiry_utc=17\n')).toEqual({
      username: 'me',
      password: 'a=b',
      expiry: '17',
    })
    expect(parseGitAnswer('username=me\r\npassword=x\r\npassword_expiry_utc=soon\r\n')).toEqual({
      username: 'me',
      password: 'x',
    })
    expect(parseGitAnswer('username=me\n')).toBeUndefined()
    expect(parseGitAnswer('')).toBeUndefined()
  })
})
