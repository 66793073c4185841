import { describe, expect, it } from 'vitest'
import { GIVEN, type HeldVariables } from '../link/variables-file'
import { fromKept, mergeVariables, toKept } from './merge'

const held = (entries: Record<string, [string, string]>): HeldVariables =>
  new Map(Object.entries(entries).map(([name, [value, origin]]) => [name, { value, origin, secret: true }]))
const values = (entries: Record<string, string>) =>
  new Map(Object.entries(entries).map(([name, value]) => [name, { value, secret: true }]))
const plain = (variables: HeldVariables) =>
  Object.fromEntries([...variables].map(([name, { value }]) => [name, value]))
const none = new Set<string>()

describe('what a workspace has', () => {
  const kept = held({ A: ['old', 'me'], B: ['gone', 'me'], C: ['theirs', 'other'], D: ['once', GIVEN] })

  it('is what this machine says now, beside what others and the creation gave it', () => {
    const merged = mergeVariables(kept, {
      origin: 'me',
      values: values({ A: 'new', D: 'usual' }),
      unreadable: none,
    })
    expect(plain(merged)).toEqual({ A: 'new', C: 'theirs', D: 'once' })
  })

  it('keeps what this machine cannot read just now', () => {
    const merged = mergeVariables(kept, { origin: 'me', values: new Map(), unreadable: new Set(['B']) })
    expect(plain(merged)).toEqual({ B: 'gone', C: 'theirs', D: 'once' })
  })

  it('follows a decision over all that was there', () => {
    const set = mergeVariables(kept, {
      origin: 'me',
      values: values({ D: 'set' }),
      unreadable: none,
      decided: 'D',
    })
    expect(plain(set).D).toBe('set')
    const removed = mergeVariables(kept, { origin: 'me', values: new Map(), unreadable: none, decided: 'C' })
    expect(plain(removed)).toEqual({ D: 'once' })
  })

  it('is kept by a target and read again, also where somebody else has put a value there', () => {
    expect(fromKept(toKept(kept))).toEqual(kept)
    expect(fromKept({ ...toKept(held({ A: ['a', 'me'] })), EXTRA: 'x', 'no-name': 'y' })).toEqual(
      held({ A: ['a', 'me'], EXTRA: ['x', 'target'] }),
    )
    expect(plain(fromKept({ A: 'a', 'berth.facts': '{' }))).toEqual({ A: 'a' })
  })
})
