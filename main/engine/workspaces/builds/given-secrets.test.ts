import { expect, test } from 'vitest'
import { BuildGrants } from '#contract'
import { GivenBuildSecrets } from './given-secrets'

test('a value is had by whoever names it, and is no part of what the contract carries', () => {
  const secrets = new GivenBuildSecrets()
  const given = secrets.give({ token: 'hidden', other: 'too' })
  const grants = {
    secrets: [
      { id: 'token', given },
      { id: 'npmrc', env: 'NPMRC' },
    ],
    ssh: true,
  }
  const held = secrets.hold(grants)
  expect(held?.values).toEqual(new Map([['token', 'hidden']]))
  expect(held?.ssh).toBe(true)
  expect(BuildGrants.safeParse(grants).success).toBe(true)
  expect(BuildGrants.safeParse(held).success).toBe(false)
  expect(JSON.stringify(held)).not.toContain('hidden')
})

test('without values the grants are what they were', () => {
  const secrets = new GivenBuildSecrets()
  expect(secrets.hold(undefined)).toBeUndefined()
  expect(secrets.hold({ ssh: true })).toEqual({ ssh: true })
})

test('what is not at hand any more is named', () => {
  const secrets = new GivenBuildSecrets()
  const first = secrets.give({ token: 'one' })
  for (let index = 0; index < 20; index += 1) secrets.give({ token: 'two' })
  expect(() => secrets.hold({ secrets: [{ id: 'token', given: first }] })).toThrow('token')
})
