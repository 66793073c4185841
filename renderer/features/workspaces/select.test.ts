import { expect, test } from 'vitest'
import type { Workspace } from '#contract'
import { countByFilter, selectWorkspaces } from './select'

function workspace(name: string, state: Workspace['state'], createdAt: number): Workspace {
  return {
    id: `w${name}`,
    targetId: 'docker:default',
    name,
    state,
    reason: 'Because',
    source: { kind: 'git', url: `https://github.com/acme/${name}` },
    definition: {} as Workspace['definition'],
    image: 'debian:bookworm',
    user: { name: 'dev', uid: 1, gid: 1, home: '/home/dev' },
    owner: 'me',
    createdAt,
  }
}

const all = [
  workspace('cherry', 'running', 1),
  workspace('apple', 'stopped', 3),
  workspace('banana', 'failed', 2),
  workspace('date', 'creating', 4),
]
const names = (selection: Parameters<typeof selectWorkspaces>[1]) =>
  selectWorkspaces(all, selection).map((one) => one.name)

test('orders', () => {
  expect(names({ text: '', filter: 'all', sort: 'name' })).toEqual(['apple', 'banana', 'cherry', 'date'])
  expect(names({ text: '', filter: 'all', sort: 'newest' })).toEqual(['date', 'apple', 'banana', 'cherry'])
  expect(names({ text: '', filter: 'all', sort: 'state' })).toEqual(['banana', 'cherry', 'date', 'apple'])
})

test('filters and counts agree; one on its way counts as running', () => {
  expect(names({ text: '', filter: 'running', sort: 'name' })).toEqual(['cherry', 'date'])
  expect(countByFilter(all)).toEqual({ all: 4, running: 2, stopped: 1, failed: 1 })
})

test('all words have to be found, anywhere', () => {
  expect(names({ text: ' ACME  ch', filter: 'all', sort: 'name' })).toEqual(['cherry'])
  expect(names({ text: 'acme nowhere', filter: 'all', sort: 'name' })).toEqual([])
})
