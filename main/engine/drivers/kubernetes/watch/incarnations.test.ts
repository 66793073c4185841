import { describe, expect, it } from 'vitest'
import type { ObservedWorkspace, WatchEvent } from '../../driver'
import { Incarnations } from './incarnations'

const workspace = (id: string, incarnation?: string) =>
  ({ id, ...(incarnation !== undefined && { incarnation }) }) as ObservedWorkspace
const changed = (id: string, incarnation?: string): WatchEvent => ({
  type: 'changed',
  workspace: workspace(id, incarnation),
})

describe('Incarnations', () => {
  it('tells of each pod once that it is over: it ended, was replaced, or went while nobody could see', () => {
    const ended: string[] = []
    const incarnations = new Incarnations((id) => ended.push(id))
    incarnations.take({
      type: 'snapshot',
      workspaces: [workspace('a', '1'), workspace('b', '1'), workspace('c')],
    })
    incarnations.take(changed('a', '1'))
    incarnations.take(changed('c', '1'))
    expect(ended).toEqual([])
    incarnations.take(changed('a'))
    incarnations.take(changed('a', '2'))
    incarnations.take(changed('a', '3'))
    expect(ended).toEqual(['a', 'a'])
    incarnations.take({ type: 'removed', id: 'c' })
    incarnations.take({ type: 'snapshot', workspaces: [workspace('a', '3')] })
    expect(ended).toEqual(['a', 'a', 'c', 'b'])
  })
})
