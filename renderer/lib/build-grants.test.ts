import { expect, test } from 'vitest'
import { BuildGrants } from '#contract'
import { asksOf, grantsDraftOf, noGrants, splitGrants, unfinishedSecrets } from './build-grants'

const asks = {
  secrets: [{ id: 'npmrc' }, { id: 'pip', env: 'PIP_TOKEN' }, { id: 'key' }],
  ssh: true,
  hostNetwork: true,
}

test('nothing is given that was not said', () => {
  expect(splitGrants(asks, noGrants)).toEqual({ values: {}, grants: {} })
})

test('values are apart from what names places', () => {
  const draft = {
    secrets: {
      npmrc: { origin: 'value', text: ' //registry/:_authToken=x\n' },
      pip: { origin: 'variable', text: '' },
      key: { origin: 'file', text: ' /home/maria/key ' },
      more: { origin: 'variable', text: 'MORE' },
      forgotten: { origin: 'variable', text: 'NOT_LISTED' },
    },
    added: ['more', 'npmrc'],
    ssh: true,
    hostNetwork: false,
  } as const
  const { values, grants } = splitGrants(asks, draft)
  expect(values).toEqual({ npmrc: ' //registry/:_authToken=x\n' })
  expect(grants).toEqual({
    secrets: [{ id: 'pip' }, { id: 'key', file: '/home/maria/key' }, { id: 'more', env: 'MORE' }],
    ssh: true,
  })
  expect(BuildGrants.safeParse(grants).success).toBe(true)
})

test('what is to be given and has nothing behind it is named; a variable has the name that is asked for', () => {
  const draft = {
    ...noGrants,
    secrets: {
      npmrc: { origin: 'value', text: '' },
      pip: { origin: 'variable', text: '' },
      key: { origin: 'none', text: '' },
    },
  } as const
  expect(unfinishedSecrets(asks, draft)).toEqual(['npmrc'])
})

test('what was allowed before can be changed; a value is not known any more', () => {
  const given = '8d3c4d5e-0b7c-4f65-9d0e-3a1f5f3c2b1a'
  const draft = grantsDraftOf({
    secrets: [{ id: 'pip' }, { id: 'npmrc', given }, { id: 'key', file: '/k' }],
    ssh: true,
  })
  expect(draft).toEqual({
    secrets: {
      pip: { origin: 'variable', text: '' },
      npmrc: { origin: 'value', text: '' },
      key: { origin: 'file', text: '/k' },
    },
    added: ['pip', 'npmrc', 'key'],
    ssh: true,
    hostNetwork: false,
  })
})

test('of a stored definition: what its builds say, without files of the repository; nothing where nothing is built', () => {
  const build = {
    dockerfile: 'Dockerfile',
    context: '.',
    args: {},
    secrets: [{ id: 'a' }, { id: 'b', file: 'b.txt' }],
  }
  expect(asksOf({ build, services: [] })).toEqual({ secrets: [{ id: 'a' }], ssh: false, hostNetwork: false })
  expect(asksOf({ services: [] })).toBeUndefined()
})
