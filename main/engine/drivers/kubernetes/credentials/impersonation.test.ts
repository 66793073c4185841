import { expect, it } from 'vitest'
import { impersonationHeaders } from './impersonation'

it('asks to act as nobody else', () => {
  expect(impersonationHeaders(undefined)).toEqual({})
  expect(impersonationHeaders({ groups: ['g'], extra: [] })).toEqual({})
})

it('sends each group and each value in a header of its own', () => {
  expect(
    impersonationHeaders({
      user: 'jürgen',
      uid: '7',
      groups: ['dev', 'ops, and more'],
      extra: [
        ['example.com/Scope%', ['view', 'dévelop']],
        ['empty', []],
      ],
    }),
  ).toEqual({
    'Impersonate-User': Buffer.from('jürgen').toString('latin1'),
    'Impersonate-Uid': '7',
    'Impersonate-Group': ['dev', 'ops, and more'],
    'Impersonate-Extra-example.com%2FScope%25': ['view', Buffer.from('dévelop').toString('latin1')],
  })
})
