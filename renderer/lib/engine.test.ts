import { expect, test } from 'vitest'
import type { Target } from '#contract'
import { applyChange, type CollectionState } from './engine'

function target(id: string, name = id): Target {
  return { id, kind: 'docker', name, endpoint: 'unix:///x', isDefault: false, state: 'ready' }
}

const change = { collection: 'targets', version: 1, upserts: [], removes: [] } as const
const empty: CollectionState<'targets'> = { loaded: false, records: new Map(), list: [] }

test('a snapshot replaces everything, a change only what it names', () => {
  const first = applyChange(empty, { ...change, snapshot: [target('a'), target('b')] })
  expect(first.loaded).toBe(true)
  expect(first.list.map((one) => one.id)).toEqual(['a', 'b'])
  const second = applyChange(first, {
    ...change,
    upserts: [target('a', 'renamed'), target('c')],
    removes: ['b'],
  })
  expect(second.list.map((one) => one.name)).toEqual(['renamed', 'c'])
  expect(second.records.get('b')).toBeUndefined()
  expect(first.list).toHaveLength(2)
  const third = applyChange(second, { ...change, snapshot: [target('z')] })
  expect(third.list.map((one) => one.id)).toEqual(['z'])
})

test('an empty snapshot is an answer too', () => {
  expect(applyChange(empty, { ...change, snapshot: [] })).toMatchObject({ loaded: true, list: [] })
})
