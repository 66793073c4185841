import type { V1PersistentVolumeClaim } from '@kubernetes/client-node'
import { expect, it } from 'vitest'
import { isTaken, standingOf } from './names'
import { quantityOf } from './quantity'

const claim = (id: string, name: string, second: number, complete = false): V1PersistentVolumeClaim => ({
  metadata: {
    labels: { 'berth.dev/workspace': id },
    annotations: { 'berth.dev/name': name, 'berth.dev/complete': String(complete) },
    creationTimestamp: new Date(second * 1_000),
  },
})
const mine = claim('mine', 'app', 100)

it.each([
  ['nobody else', [], 'free'],
  ['another name', [claim('other', 'web', 50, true)], 'free'],
  ['a younger one', [claim('other', 'app', 101)], 'free'],
  ['an older one', [claim('other', 'app', 99)], 'taken'],
  ['one of the same second', [claim('other', 'app', 100)], 'contested'],
  ['a complete one that took the name later', [claim('other', 'app', 101, true)], 'taken'],
])('whose the name is: %s', (_, others, standing) => {
  expect(standingOf([mine, ...others], 'mine', 'app')).toBe(standing)
  expect(standingOf([...others, mine], 'mine', 'app')).toBe(standing)
})

it('never lets two keep a name that both see', () => {
  for (const second of [99, 100, 101]) {
    const claims = [mine, claim('other', 'app', second)]
    const kept = ['mine', 'other'].filter((id) => standingOf(claims, id, 'app') === 'free')
    expect(kept.length).toBeLessThan(2)
  }
})

it('does not take a workspace for its own rival', () => {
  expect(isTaken([mine], 'mine', 'app')).toBe(false)
  expect(isTaken([mine], 'other', 'app')).toBe(true)
})

it.each([
  ['500m', 0.5],
  ['2', 2],
  ['1.5Gi', 1.5 * 2 ** 30],
  ['10G', 1e10],
  ['1e3', 1_000],
  ['128974848', 128_974_848],
  ['ten', Number.NaN],
  ['1Xi', Number.NaN],
])('%s is %d', (text, value) => {
  expect(quantityOf(text)).toBe(value)
})
