import { beforeEach, describe, expect, it, vi } from 'vitest'
import type { Session, Task } from '#contract'
import type { Pane, Split } from '#contract/pane-tree'
import {
  bringToFront,
  changeTab,
  frontOf,
  moveOut,
  moveTab,
  putBeside,
  recentOf,
  type Tab,
  tabsOf,
  useArrangement,
} from './arrangement'

const sessionsNamed = (names: string, at = 0) =>
  [...names].map((id, index) => ({ id, title: id, createdAt: at + index })) as unknown as Session[]
const sessions = sessionsNamed('abc')
const told = vi.hoisted(() => [] as unknown[])
vi.mock('../../lib/engine', () => ({ request: (...asked: unknown[]) => told.push(asked) }))
vi.mock('../../lib/hooks', () => ({}))

const row = (...panes: readonly Pane[]): Split => ({
  direction: 'row',
  parts: panes.map((pane) => ({ share: 1 / panes.length, pane })),
})
/** `a b|c d/e`: tabs by blanks, panes of a row by `|`, of a column by `/`; what is within another is in brackets. */
const said = (tabs: readonly Pick<Tab, 'pane'>[]) => tabs.map(({ pane }) => saidOf(pane)).join(' ')
const saidOf = (pane: Pane): string =>
  typeof pane === 'string'
    ? pane
    : pane.parts
        .map((part) => (typeof part.pane === 'string' ? part.pane : `(${saidOf(part.pane)})`))
        .join(pane.direction === 'row' ? '|' : '/')
/** The tabs as they are now. */
const now = (of = sessions) => tabsOf(of, useArrangement.getState().get('w'))

beforeEach(() => {
  told.length = 0
  useArrangement.setState(new Map(), true)
})

describe('the arrangement of tabs', () => {
  it('is by age until the user moves one, and new ones come last', () => {
    expect(said(tabsOf([...sessions].reverse()))).toBe('a b c')
    moveTab('w', now(), 'c', 'a')
    expect(said(now())).toBe('c a b')
    moveTab('w', now(), 'c', undefined)
    expect(said(now())).toBe('a b c')
    moveTab('w', now(), 'a', 'c')
    const fresh = { id: 'd', title: 'd', createdAt: -1 } as unknown as Session
    expect(said(now([fresh, ...sessions]))).toBe('b a c d')
  })

  it('is told to the engine, which remembers it', () => {
    bringToFront('w', 'b')
    moveTab('w', now(), 'c', 'a')
    expect(useArrangement.getState().get('w')).toEqual({ front: 'b', order: ['c', 'a', 'b'], splits: [] })
    expect(told).toEqual([
      ['sessions.arrange', { workspaceId: 'w', front: 'b' }],
      ['sessions.arrange', { workspaceId: 'w', order: ['c', 'a', 'b'], splits: [] }],
    ])
  })

  it('has a split tab where its first terminal is, and lets it be moved', () => {
    expect(said(tabsOf(sessions, { order: ['b', 'a', 'c'], splits: [row('c', 'a')] }))).toBe('b c|a')
    putBeside('w', now(), { session: 'a', beside: 'c', side: 'right' })
    expect(said(now())).toBe('b c|a')
    moveTab('w', now(), 'c', 'b')
    expect(said(now())).toBe('c|a b')
    changeTab('w', now(), 'c', row('a', 'c'))
    expect(said(now())).toBe('a|c b')
    expect(useArrangement.getState().get('w')).toMatchObject({ order: ['a', 'c', 'b'] })
    expect(useArrangement.getState().get('w')?.splits).toEqual([row('a', 'c')])
  })

  it('shows a terminal once, and none that is gone', () => {
    const splits = [row('a', 'gone', 'b'), row('b', 'c', 'lost'), row('gone', 'lost')]
    expect(said(tabsOf(sessions, { order: ['c', 'c', 'b', 'nowhere'], splits }))).toBe('c a|b')
  })
})

describe('a terminal beside others', () => {
  it('is put there also when it has only just come, or is in another tab', () => {
    putBeside('w', now(), { session: 'new', beside: 'a', side: 'down' })
    expect(said(now())).toBe('a b c')
    expect(said(now(sessionsNamed('abc').concat({ ...sessions[0], id: 'new' } as Session)))).toBe('a/new b c')
    putBeside('w', now(), { session: 'c', beside: 'b', side: 'up' })
    expect(said(now())).toBe('a c/b')
    putBeside('w', now(), { session: 'c', beside: 'a', side: 'left' })
    expect(said(now())).toBe('c|a b')
  })

  it('gets a tab of its own where the other is gone or its tab is full', () => {
    putBeside('w', now(), { session: 'a', beside: 'gone', side: 'right' })
    expect(said(now())).toBe('b c a')
    const many = sessionsNamed('abcdefghijklm')
    for (const { id } of many.slice(1)) putBeside('w', now(many), { session: id, beside: 'a', side: 'right' })
    expect(said(now(many))).toBe('a|l|k|j|i|h|g|f|e|d|c|b m')
  })

  it('leaves for a tab of its own, behind the one that it was in', () => {
    putBeside('w', now(), { session: 'b', beside: 'a', side: 'right' })
    moveOut('w', now(), 'a')
    expect(said(now())).toBe('b a c')
    told.length = 0
    moveOut('w', now(), 'a')
    expect(told).toEqual([])
  })
})

describe('the terminals of tasks', () => {
  const tasks = (...modes: (Task['openMode'] | undefined)[]) =>
    modes.map((openMode, index) => ({
      name: String(index),
      automatic: true,
      env: {},
      ...(openMode && { openMode }),
    }))

  it('come up where the definition wants them', () => {
    const five = tasks(undefined, 'split-right', 'split-bottom', 'tab-after', 'split-left')
    expect(said(tabsOf(sessionsNamed('01234'), {}, five))).toBe('0|(1/2) 4|3')
    expect(said(tabsOf(sessionsNamed('012'), {}, tasks('split-right', 'tab-before', 'split-top')))).toBe(
      '2/1 0',
    )
  })

  it('in whatever order they have begun, and beside the nearest that has a terminal', () => {
    const four = tasks(undefined, 'split-right', 'split-bottom', 'split-bottom')
    expect(said(tabsOf(sessionsNamed('3210'), {}, four))).toBe('0|(1/2/3)')
    expect(said(tabsOf(sessionsNamed('023'), {}, four))).toBe('0/2/3')
    expect(said(tabsOf(sessionsNamed('23'), {}, four))).toBe('2/3')
  })

  it('by their labels; those that somebody starts by hand are as any other', () => {
    const [zero, one, two] = tasks(undefined, 'split-right', 'split-right') as [Task, Task, Task]
    const named = [zero, { ...one, label: 'b' }, { ...two, automatic: false }]
    expect(said(tabsOf(sessionsNamed('02b1'), {}, named))).toBe('0|b 2 1')
  })

  it('by age among terminals of the user’s own', () => {
    const two = tasks(undefined, 'split-right')
    expect(
      said(tabsOf([...sessionsNamed('a'), ...sessionsNamed('01', 1), ...sessionsNamed('b', 3)], {}, two)),
    ).toBe('a 0|1 b')
  })

  it('stay where the user has put them, and a new one comes beside them', () => {
    const three = tasks(undefined, 'split-right', 'split-bottom')
    const all = sessionsNamed('012')
    expect(said(tabsOf(all, { order: ['1', '0', '2'] }, three))).toBe('1 0 2')
    expect(said(tabsOf(all, { order: ['1', '0'] }, three))).toBe('1/2 0')
    expect(said(tabsOf(all, { order: ['0', '1'], splits: [row('0', '1')] }, three))).toBe('0|(1/2)')
  })

  it('get a tab where there would be too many in one', () => {
    const many = tasks(...Array.from({ length: 14 }, () => 'split-right' as const))
    const terminals = many.map(({ name }, createdAt) => ({
      id: name,
      title: name,
      createdAt,
    })) as unknown as Session[]
    expect(said(tabsOf(terminals, {}, many))).toBe('0|1|2|3|4|5|6|7|8|9|10|11 12|13')
  })
})

describe('what is in front', () => {
  const split = (of = sessionsNamed('abcd')) =>
    tabsOf(of, { order: ['a', 'b', 'c', 'd'], splits: [row('a', 'b', 'c')] })
  const at = (tabs: readonly Tab[], session: string) => frontOf(tabs, session, undefined)
  const session = (...asked: Parameters<typeof frontOf>) => frontOf(...asked)?.session

  it('is what was chosen, or what took its place', () => {
    const tabs = tabsOf(sessions)
    expect(session(tabs, 'b', undefined)).toBe('b')
    const last = at(tabs, 'b')
    expect(session(tabsOf(sessionsNamed('ac')), 'b', last)).toBe('c')
    expect(session(tabsOf(sessionsNamed('a')), 'b', last)).toBe('a')
    expect(session(tabs, 'gone', undefined)).toBe('a')
    expect(session([], 'gone', last)).toBeUndefined()
  })

  it('stays where it is until the chosen one has come', () => {
    const tabs = tabsOf(sessions)
    expect(session(tabs, 'coming', at(tabs, 'b'))).toBe('b')
  })

  it('is one of the same tab when a terminal of it is closed', () => {
    expect(session(split(sessionsNamed('acd')), 'b', at(split(), 'b'))).toBe('c')
    expect(session(split(sessionsNamed('abd')), 'c', at(split(), 'c'))).toBe('b')
    expect(session(split(sessionsNamed('d')), 'c', at(split(), 'c'))).toBe('d')
  })

  it('of a tab that is come back to is what had the keyboard last', () => {
    const [tab] = split()
    if (!tab) throw new Error('There is no tab')
    expect(recentOf({ id: 'x', sessions: ['x', 'y'] })).toBe('x')
    bringToFront('w', 'c')
    bringToFront('w', 'b')
    bringToFront('w', 'd')
    expect(recentOf(tab)).toBe('b')
  })
})
