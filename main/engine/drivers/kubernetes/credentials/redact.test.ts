import { expect, it } from 'vitest'
import { redact, secretValues } from './redact'

it.each([
  ['Authorization: Bearer abcdefgh12345678', 'Authorization: Bearer [hidden]'],
  ['got eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.sig-nature_1 back', 'got [hidden] back'],
  ['cut eyJhbGciOiJIUzI1NiJ9', 'cut [hidden]'],
  ['{"access_token": "short", "n": 1}', '{"access_token": "[hidden]", "n": 1}'],
  ['password=hunter2 user=me', 'password=[hidden] user=me'],
  ['--client-secret=abc', '--client-secret=[hidden]'],
  ['token: abcdefghijklmnop', 'token: [hidden]'],
  ['invalid token: expired', 'invalid token: expired'],
  ['-----BEGIN EC PRIVATE KEY-----\nMHcCAQ\n-----END EC PRIVATE KEY-----\nrest', '[hidden]\nrest'],
  ['-----BEGIN PRIVATE KEY-----\nMHcCAQ', '[hidden]'],
  ['\u001b]0;title\u0007\u001b[31mred\u001b[0m\r\n\u0000', 'red'],
  ['my-known-value', '[hidden]'],
])('%j', (output, shown) => {
  expect(redact(output, ['my-known-value', 'red'])).toBe(shown)
})

it('keeps the end of what is long', () => {
  const shown = redact(`${'x '.repeat(10_000)}the reason`)
  expect(shown.length).toBeLessThan(4_100)
  expect(shown).toMatch(/^… .*the reason$/)
})

it('knows which settings are secret by their names', () => {
  const env = [
    ['AWS_PROFILE', 'work'],
    ['AWS_SECRET_ACCESS_KEY', 'a1'],
  ] as const
  const args = ['get', '--token', 'b2', '--oidc-client-secret=c3', '--region', 'eu', '--token', '--verbose']
  expect(secretValues(env, args)).toEqual(['a1', 'b2', 'c3'])
})
