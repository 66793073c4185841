import { describe, expect, it } from 'vitest'
import { askerText, consentEffect, consentTitle, onceText } from './words'

const git = { kind: 'git', origin: 'https://git.example' } as const
const ssh = { kind: 'ssh' } as const
const gpg = { kind: 'gpg' } as const

describe('the words of a question', () => {
  it('say which workspace wants what, and how far a yes goes', () => {
    expect(consentTitle(git, 'atlas')).toBe('Let atlas use your git credentials?')
    expect(consentTitle(ssh, 'atlas')).toBe('Let atlas use your SSH agent?')
    expect(consentTitle(gpg, 'atlas')).toBe('Let atlas sign with your gpg key?')
    expect(onceText(git)).toContain('this request')
    expect(onceText(ssh)).toContain('one signature')
    expect(consentEffect(git)).toContain('password')
    expect(onceText(gpg)).toContain('one signature')
    expect(consentEffect(ssh)).toContain('stay on this computer')
    expect(consentEffect(gpg)).toContain('public part')
  })

  it('name who asks by its command line, else by its name', () => {
    expect(askerText({ command: 'git push', process: 'git' })).toBe('git push')
    expect(askerText({ command: '', process: 'git' })).toBe('git')
    expect(askerText({ command: '', process: '' })).toBeUndefined()
  })
})
