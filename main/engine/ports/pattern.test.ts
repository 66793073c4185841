import { expect, it } from 'vitest'
import { attributesOf } from './attributes'
import { fitsPattern } from './pattern'

it('compares a command line with what a definition gives for it', () => {
  expect(fitsPattern('server\\.js$', 'node src/server.js')).toBe(true)
  expect(fitsPattern('server\\.js$', 'node src/server.mjs')).toBe(false)
  expect(fitsPattern('(', '(')).toBe(false)
})

it.each(['^(a+)+$', '^(\\w|\\w\\w)*$', '(.*)*\\1x', '^(?:a?){40}a{40}$|^(a|aa)+$'])(
  'does not stand still with %s',
  (pattern) => {
    // Without a limit, each of these is at work for longer than a life.
    const command = `${'a'.repeat(200)}!`
    for (let again = 0; again < 100; again++) expect(fitsPattern(pattern, command)).toBe(false)
  },
)

it('says what is known of a port all the same', () => {
  const listener = {
    port: 3000,
    address: '127.0.0.1',
    process: { pid: 1, name: 'node', command: `${'a'.repeat(60)}!` },
  }
  expect(
    attributesOf({ portsAttributes: { '^(a+)+$': { label: 'Evil' } }, forwardPorts: [] }, 3000, [listener]),
  ).toMatchObject({ protocol: 'http', declared: false })
})
