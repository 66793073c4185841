import { beforeEach, describe, expect, it, vi } from 'vitest'
import type { Session } from '#contract'
import { arrange, bringToFront, frontOf, moveTab, useArrangement } from './arrangement'

const sessions = ['a', 'b', 'c'].map((id, index) => ({ id, createdAt: index })) as unknown as Session[]
const ids = (list: readonly Session[]) => list.map(({ id }) => id).join('')
const order = () => useArrangement.getState().get('w')?.order
const told = vi.hoisted(() => [] as unknown[])
vi.mock('../../lib/engine', () => ({ request: (...asked: unknown[]) => told.push(asked) }))
vi.mock('../../lib/hooks', () => ({}))

describe('the arrangement of tabs', () => {
  beforeEach(() => {
    told.length = 0
    useArrangement.setState(new Map(), true)
  })

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

  it('is told to the engine, which remembers it, each part by itself', () => {
    bringToFront('w', 'b')
    moveTab('w', sessions, 'c', 'a')
    expect(useArrangement.getState().get('w')).toEqual({ front: 'b', order: ['c', 'a', 'b'] })
    expect(told).toEqual([
      ['sessions.arrange', { workspaceId: 'w', front: 'b' }],
      ['sessions.arrange', { workspaceId: 'w', order: ['c', 'a', 'b'] }],
    ])
  })

  it('shows the chosen tab, or the one that took its place', () => {
    expect(frontOf(sessions, 'b', 0)?.id).toBe('b')
    expect(frontOf(sessions, 'gone', 1)?.id).toBe('b')
    expect(frontOf(sessions, 'gone', 9)?.id).toBe('c')
    expect(frontOf([], 'gone', 0)).toBeUndefined()
  })
})
