import { describe, expect, it } from 'vitest'
import { MOST_PANES, type Pane, type Split, SplitTab, sessionsOf } from '#contract'
import {
  dividerOf,
  evenOut,
  evenOutAll,
  keepIn,
  layOut,
  moveDivider,
  neighbour,
  nudge,
  type Side,
  splitPane,
} from './panes'

const split = (direction: Split['direction'], ...parts: readonly (readonly [number, Pane])[]): Split => ({
  direction,
  parts: parts.map(([share, pane]) => ({ share, pane })),
})
const row = (...parts: Parameters<typeof split>[1][]) => split('row', ...parts)
const column = (...parts: Parameters<typeof split>[1][]) => split('column', ...parts)
/** Shares to two digits, so that thirds can be written down. */
const rounded = (pane: Pane): Pane =>
  typeof pane === 'string'
    ? pane
    : {
        ...pane,
        parts: pane.parts.map((part) => ({
          share: Math.round(part.share * 100) / 100,
          pane: rounded(part.pane),
        })),
      }

/** `a` on the left; on the right `b` above a row of `c` and `d`. */
const nested = row([0.5, 'a'], [0.5, column([0.5, 'b'], [0.5, row([0.5, 'c'], [0.5, 'd'])])])

describe('a tab is split', () => {
  it.each<[Side, Split['direction'], string, string]>([
    ['left', 'row', 'b', 'a'],
    ['right', 'row', 'a', 'b'],
    ['up', 'column', 'b', 'a'],
    ['down', 'column', 'a', 'b'],
  ])('with the new terminal on the side that was asked for (%s)', (side, direction, first, second) => {
    expect(splitPane('a', 'a', 'b', side)).toEqual(split(direction, [0.5, first], [0.5, second]))
  })

  it('evenly, as long as all have the same room', () => {
    const three = splitPane(row([0.5, 'a'], [0.5, 'b']), 'a', 'c', 'right')
    expect(rounded(three)).toEqual(row([0.33, 'a'], [0.33, 'c'], [0.33, 'b']))
    expect(rounded(splitPane(three, 'b', 'd', 'left'))).toEqual(
      row([0.25, 'a'], [0.25, 'c'], [0.25, 'd'], [0.25, 'b']),
    )
  })

  it('by half of one, where the user has given them room', () => {
    expect(rounded(splitPane(row([0.2, 'a'], [0.8, 'b']), 'b', 'c', 'right'))).toEqual(
      row([0.2, 'a'], [0.4, 'b'], [0.4, 'c']),
    )
  })

  it('across, within a row', () => {
    expect(splitPane(row([0.2, 'a'], [0.8, 'b']), 'b', 'c', 'down')).toEqual(
      row([0.2, 'a'], [0.8, column([0.5, 'b'], [0.5, 'c'])]),
    )
    expect(rounded(splitPane(nested, 'd', 'e', 'left'))).toEqual(
      row([0.5, 'a'], [0.5, column([0.5, 'b'], [0.5, row([0.33, 'c'], [0.33, 'e'], [0.33, 'd'])])]),
    )
  })

  it('is left alone where the other terminal is not there any more', () => {
    expect(splitPane(nested, 'gone', 'e', 'right')).toEqual(nested)
    expect(splitPane('a', 'gone', 'e', 'right')).toBe('a')
  })

  it('is what the contract allows, however it was made', () => {
    const sides: Side[] = ['left', 'right', 'up', 'down']
    let seed = 7
    const random = (below: number) => {
      seed = (seed * 1103515245 + 12345) % 2147483648
      return Math.floor((seed / 2147483648) * below)
    }
    for (let round = 0; round < 200; round++) {
      let pane: Pane = 's0'
      for (let count = 1; count < MOST_PANES; count++) {
        const beside = `s${random(count)}`
        pane = splitPane(pane, beside, `s${count}`, sides[random(4)] ?? 'left')
        const { dividers } = layOut(pane)
        const moved = dividers[random(dividers.length)]
        if (moved) pane = moveDivider(pane, moved, 0.1 + random(80) / 100)
      }
      expect(SplitTab.safeParse(pane).success).toBe(true)
      const { panes, dividers } = layOut(pane)
      const area = panes.reduce((sum, { width, height }) => sum + width * height, 0)
      expect(area).toBeCloseTo(1)
      expect(dividers.length).toBeGreaterThan(0)
      let left: Pane | undefined = pane
      for (let count = 0; count < MOST_PANES; count++) {
        left = keepIn(left ?? '', (session) => session !== `s${count}`)
        expect(left === undefined ? 0 : sessionsOf(left).length).toBe(MOST_PANES - 1 - count)
        if (left !== undefined && typeof left !== 'string')
          expect(SplitTab.safeParse(left).success).toBe(true)
      }
    }
  })
})

describe('a terminal of a split that is closed', () => {
  const without = (pane: Pane, ...gone: string[]) => {
    const kept = keepIn(pane, (session) => !gone.includes(session))
    return kept === undefined ? undefined : rounded(kept)
  }

  it('leaves its room to those beside it', () => {
    expect(without(row([0.2, 'a'], [0.3, 'b'], [0.5, 'c']), 'c')).toEqual(row([0.4, 'a'], [0.6, 'b']))
    expect(without(row([0.2, 'a'], [0.8, 'b']), 'a')).toBe('b')
    expect(without('a', 'a')).toBeUndefined()
    expect(without(nested, 'a', 'b', 'c', 'd')).toBeUndefined()
  })

  it('takes with it what has nothing to split any more', () => {
    expect(without(nested, 'b')).toEqual(row([0.5, 'a'], [0.25, 'c'], [0.25, 'd']))
    expect(without(nested, 'a')).toEqual(column([0.5, 'b'], [0.5, row([0.5, 'c'], [0.5, 'd'])]))
    expect(without(nested, 'c', 'd')).toEqual(row([0.5, 'a'], [0.5, 'b']))
  })
})

describe('a divider', () => {
  it('gives the two beside it their room, and nobody else', () => {
    const three = row([0.25, 'a'], [0.25, 'b'], [0.5, 'c'])
    expect(rounded(moveDivider(three, { path: [], index: 1 }, 0.2))).toEqual(
      row([0.25, 'a'], [0.15, 'b'], [0.6, 'c']),
    )
    expect(rounded(moveDivider(nested, { path: [1, 1], index: 0 }, 0.75))).toEqual(
      row([0.5, 'a'], [0.5, column([0.5, 'b'], [0.5, row([0.75, 'c'], [0.25, 'd'])])]),
    )
    expect(rounded(evenOut(three, { path: [] }))).toEqual(row([0.33, 'a'], [0.33, 'b'], [0.33, 'c']))
  })

  it('is moved a little from the pane beside it, and leaves something to each side', () => {
    const two = row([0.5, 'a'], [0.5, 'b'])
    expect(rounded(nudge(two, 'a', 'right'))).toEqual(row([0.54, 'a'], [0.46, 'b']))
    expect(rounded(nudge(two, 'b', 'right'))).toEqual(row([0.54, 'a'], [0.46, 'b']))
    expect(rounded(nudge(nested, 'd', 'up'))).toMatchObject({
      parts: [{ share: 0.5 }, { pane: column([0.46, 'b'], [0.54, row([0.5, 'c'], [0.5, 'd'])]) }],
    })
    expect(nudge(two, 'a', 'down')).toBe(two)
    let far: Pane = two
    for (let press = 0; press < 50; press++) far = nudge(far, 'a', 'left')
    expect(rounded(far)).toEqual(row([0.1, 'a'], [0.9, 'b']))
  })

  it('gives all of them the same room where that is asked for', () => {
    const odd = row([0.2, 'a'], [0.8, column([0.9, 'b'], [0.1, 'c'])])
    expect(evenOutAll(odd)).toEqual(row([0.5, 'a'], [0.5, column([0.5, 'b'], [0.5, 'c'])]))
  })

  it('that is not there moves nothing', () => {
    for (const place of [
      { path: [], index: 1 },
      { path: [0], index: 0 },
      { path: [1, 7], index: 0 },
    ])
      expect(moveDivider(nested, place, 0.9)).toEqual(nested)
  })

  it('is found for a pane: the one behind it, or ahead of the last, of the nearest split that way', () => {
    expect(dividerOf(nested, 'a', 'right')).toEqual({ path: [], index: 0 })
    expect(dividerOf(nested, 'b', 'left')).toEqual({ path: [], index: 0 })
    expect(dividerOf(nested, 'c', 'left')).toEqual({ path: [1, 1], index: 0 })
    expect(dividerOf(nested, 'd', 'right')).toEqual({ path: [1, 1], index: 0 })
    expect(dividerOf(nested, 'd', 'up')).toEqual({ path: [1], index: 0 })
    expect(dividerOf(nested, 'a', 'down')).toBeUndefined()
    expect(dividerOf('a', 'a', 'right')).toBeUndefined()
  })
})

describe('the places of panes', () => {
  it('fill the whole, in the order in which they are read', () => {
    const { panes, dividers } = layOut(nested)
    expect(panes).toEqual([
      { session: 'a', left: 0, top: 0, width: 0.5, height: 1 },
      { session: 'b', left: 0.5, top: 0, width: 0.5, height: 0.5 },
      { session: 'c', left: 0.5, top: 0.5, width: 0.25, height: 0.5 },
      { session: 'd', left: 0.75, top: 0.5, width: 0.25, height: 0.5 },
    ])
    expect(dividers).toMatchObject([
      { path: [], left: 0.5, top: 0, width: 0, height: 1, both: 1, ahead: ['a'], behind: ['b', 'c', 'd'] },
      { path: [1], direction: 'column', left: 0.5, top: 0.5, width: 0.5, height: 0, portion: 0.5 },
      { path: [1, 1], direction: 'row', left: 0.75, top: 0.5, height: 0.5, both: 0.5, behind: ['d'] },
    ])
  })

  it.each<[string, Side, string | undefined]>([
    ['a', 'right', 'b'],
    ['a', 'left', undefined],
    ['a', 'up', undefined],
    ['b', 'left', 'a'],
    ['b', 'down', 'c'],
    ['c', 'right', 'd'],
    ['c', 'left', 'a'],
    ['d', 'up', 'b'],
    ['d', 'left', 'c'],
    ['d', 'right', undefined],
    ['gone', 'right', undefined],
  ])('lead from %s %s to %s', (session, side, next) => {
    expect(neighbour(layOut(nested), session, side)).toBe(next)
  })
})
