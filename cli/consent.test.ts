import { describe, expect, it } from 'vitest'
import type { Consent } from '#contract'
import { consentQuestion, parseConsent } from './consent'

const consent: Consent = {
  id: 'c',
  workspaceId: 'wone000001',
  credential: { kind: 'git', origin: 'https://git.example' },
  process: 'git',
  command: 'git push',
  askedAt: 0,
  expiresAt: 1,
}

describe('a question for a credential', () => {
  it('says who wants what', () => {
    expect(consentQuestion(consent, 'one')).toBe(
      'one asks for your git credentials for https://git.example (git push). Allow? [y]es once, [a]lways, [N]o: ',
    )
    expect(
      consentQuestion({ ...consent, credential: { kind: 'ssh' }, command: '', process: '' }, 'one'),
    ).toBe('one asks for signatures by your SSH agent. Allow? [y]es once, [a]lways, [N]o: ')
  })

  it('cannot be steered by what a workspace says', () => {
    const question = consentQuestion({ ...consent, username: 'a\u001b[2J', command: 'x\n\u001b[31my' }, 'one')
    expect(question).not.toContain('\u001b')
    expect(question).not.toContain('\n')
  })

  it.each([
    ['y', 'once'],
    ['YES ', 'once'],
    ['a', 'always'],
    ['always', 'always'],
    ['', 'deny'],
    ['n', 'deny'],
    ['yy', 'deny'],
    ['\u0003', 'deny'],
  ])('takes %j for %s', (text, answer) => {
    expect(parseConsent(text)).toBe(answer)
  })
})
