import { beforeEach, describe, expect, it } from 'vitest'
import type { Session } from '#contract'
import { arrange, frontOf, moveTab, read, useArrangement } from './arrangement'

const sessions = ['a', 'b', 'c'].map((id, index) => ({ id, createdAt: index })) as unknown as Session[]
const ids = (list: readonly Session[]) => list.map(({ id }) => id).join('')
const order = () => useArrangement.getState().order.get('w')

describe('the arrangement of tabs', () => {
  beforeEach(() => useArrangement.setState({ front: new Map(), order: new Map() }))

  it('is by age until the user moves one, and new ones come last', () => {
    expect(ids(arrange([...sessions].reverse()))).toBe('abc')
    moveTab('w', sessions, 'c', 'a')
    expect(ids(arrange(sessions, order()))).toBe('cab')
    moveTab('w', arrange(sessions, order()), 'c', undefined)
    expect(ids(arrange(sessions, order()))).toBe('abc')
    moveTab('w', sessions, 'a', 'c')
    const fresh = { id: 'd', createdAt: -1 } as unknown as Session
    expect(ids(arrange([fresh, ...sessions], order()))).toBe('bacd')
  })

  it('is read back as it was stored, and begins anew where that cannot be understood', () => {
    const { front, order } = read('{"front":[["w","b"]],"order":[["w",["b","a"]]]}')
    expect(front.get('w')).toBe('b')
    expect(ids(arrange(sessions, order.get('w')))).toBe('bac')
    for (const odd of [
      null,
      undefined,
      '',
      'x',
      '7',
      'null',
      '{"front":7}',
      '{"order":[1]}',
      '{"order":[["w",5]]}',
    ]) {
      expect(read(odd)).toEqual({ front: new Map(), order: new Map() })
    }
  })

  it('shows the chosen tab, or the one that took its place', () => {
    expect(frontOf(sessions, 'b', 0)?.id).toBe('b')
    expect(frontOf(sessions, 'gone', 1)?.id).toBe('b')
    expect(frontOf(sessions, 'gone', 9)?.id).toBe('c')
    expect(frontOf([], 'gone', 0)).toBeUndefined()
  })
})
