import { describe, expect, it } from 'vitest'
import type { EventStep } from '#contract'
import { runInOrder } from './event-steps'

const step = (name: string, ...after: number[]): EventStep => ({ name, line: name, after })

/** Runs steps of which each ends when `end` is called for it. */
function begin(steps: readonly EventStep[]) {
  const begun: string[] = []
  const ends = new Map<string, (error?: Error) => void>()
  const whole = runInOrder(steps, ({ name }) => {
    begun.push(name)
    return new Promise((resolve, reject) => {
      ends.set(name, (error) => (error ? reject(error) : resolve()))
    })
  })
  let isOver = false
  const outcome = whole.then(
    () => 'succeeded',
    (error: Error) => error.message,
  )
  void outcome.then(() => {
    isOver = true
  })
  const settle = () => new Promise((resolve) => setImmediate(resolve))
  const end = async (name: string, error?: Error) => {
    ends.get(name)?.(error)
    await settle()
  }
  return { begun, end, settle, outcome, isOver: () => isOver }
}

describe('steps of an event', () => {
  it('begin when all that they come after have succeeded, side by side where they can', async () => {
    const run = begin([step('a'), step('b', 0), step('c', 0), step('d', 1, 2)])
    await run.settle()
    expect(run.begun).toEqual(['a'])
    await run.end('a')
    expect(run.begun).toEqual(['a', 'b', 'c'])
    await run.end('c')
    expect(run.begun).toEqual(['a', 'b', 'c'])
    await run.end('b')
    await run.end('d')
    expect(await run.outcome).toBe('succeeded')
  })

  it('do not begin after one that failed, and what runs beside it is waited for', async () => {
    const run = begin([step('a'), step('b'), step('c', 0, 1), step('d', 2)])
    await run.settle()
    await run.end('b', new Error('b failed'))
    expect(run.isOver()).toBe(false)
    await run.end('a')
    expect(await run.outcome).toBe('b failed')
    expect(run.begun).toEqual(['a', 'b'])
  })

  it('come after earlier ones alone, whatever a stored definition says', async () => {
    const run = begin([step('a', 0, 1, 7), step('b', 0)])
    await run.settle()
    await run.end('a')
    await run.end('b')
    expect(await run.outcome).toBe('succeeded')
  })
})
