import { describe, expect, it } from 'vitest'
import { MOST_PANES, type Pane, type Split, SplitTab, TabArrangement } from '#contract'

const accepts = (split: unknown) => SplitTab.safeParse(split).success
const row = (...panes: readonly Pane[]): Split => ({
  direction: 'row',
  parts: panes.map((pane) => ({ share: 1 / panes.length, pane })),
})
/** A split in which each level holds one terminal and the next level. */
const nested = (terminals: number): Pane => {
  let pane: Pane = 's0'
  for (let level = 1; level < terminals; level++) pane = row(`s${level}`, pane)
  return pane
}

describe('what a tab holds', () => {
  it('is rows and columns of terminals, within each other', () => {
    const column = { ...row('b', 'c'), direction: 'column' as const }
    expect(SplitTab.parse(row('a', column))).toEqual(row('a', column))
    expect(accepts(nested(MOST_PANES))).toBe(true)
  })

  it('is bounded, whatever is sent', () => {
    expect(accepts(nested(MOST_PANES + 1))).toBe(false)
    expect(accepts(nested(20_000))).toBe(false)
    expect(accepts(row(...Array.from({ length: MOST_PANES + 1 }, (_, index) => `s${index}`)))).toBe(false)
    const half = row(...Array.from({ length: 7 }, (_, index) => `a${index}`))
    expect(accepts(row(half, row(...Array.from({ length: 7 }, (_, index) => `b${index}`))))).toBe(false)
  })

  it.each([
    ['one terminal', row('a')],
    ['a terminal twice', row('a', 'b', row('c', 'a'))],
    [
      'no share',
      {
        direction: 'row',
        parts: [
          { share: 0, pane: 'a' },
          { share: 0.5, pane: 'b' },
        ],
      },
    ],
    [
      'a share that is no number',
      {
        direction: 'row',
        parts: [
          { share: Number.NaN, pane: 'a' },
          { share: 0.5, pane: 'b' },
        ],
      },
    ],
    ['another direction', { ...row('a', 'b'), direction: 'diagonal' }],
    ['more than is known', { ...row('a', 'b'), more: 1 }],
    ['an empty name', row('a', '')],
  ])('is not %s', (_, split) => {
    expect(accepts(split)).toBe(false)
  })

  it('may be missing: what was kept before there were splits is still read', () => {
    const old = { id: 'w000000001', front: 'a', order: ['a', 'b'] }
    expect(TabArrangement.parse(old)).toEqual(old)
    const split = { ...old, splits: [row('a', 'b')] }
    expect(TabArrangement.parse(split)).toEqual(split)
  })
})
