import { afterEach, describe, expect, it } from 'vitest'
import type { Activity, Workspace } from '#contract'
import type { Driver } from '../../drivers/driver'
import { type ActivityFacts, type Link, noActivity } from '../../link/link'
import { silentLogger } from '../../platform/logger'
import { Attendant } from './attendant'

const minute = 60_000
const attendants: Attendant[] = []
afterEach(() => {
  for (const attendant of attendants.splice(0)) attendant.dispose()
})

/** A workspace that is looked after, with a clock that a test moves. */
function open(
  idle: Workspace['idle'],
  { watched = true, cpu = 0, lastAt = 100 * minute, stop = async (): Promise<void> => undefined } = {},
) {
  let now = 100 * minute
  let last: ActivityFacts | undefined = { reason: 'input', what: 'bash', at: lastAt }
  let workspace = { id: 'one', name: 'one', state: 'running', idle } as Workspace
  let action: string | undefined
  const sleeping = new Set<() => void>()
  const shown: Activity[] = []
  const stops: string[] = []
  const warnings: number[] = []
  const marks: string[] = []
  const clock = {
    now: () => now,
    sleep: (_milliseconds: number, signal?: AbortSignal) =>
      new Promise<void>((resolve, reject) => {
        const onAbort = () => reject(signal?.reason)
        sleeping.add(() => {
          signal?.removeEventListener('abort', onAbort)
          resolve()
        })
        signal?.addEventListener('abort', onAbort, { once: true })
      }),
  }
  const activity = {
    ...noActivity,
    get last() {
      return last
    },
    isWatched: watched,
    mark: (reason: string, what = '') => {
      marks.push(reason)
      last = { reason, what, at: now }
    },
  }
  const attendant = new Attendant({
    link: { activity } as unknown as Link,
    clock,
    logger: silentLogger,
    workspace: () => workspace,
    driver: () => ({ stats: async () => ({ cpu, memory: 0 }) }) as unknown as Driver,
    action: () => action,
    show: (record) => shown.push(record),
    warn: (_activity, minutesLeft) => warnings.push(minutesLeft),
    stop: async (_policy, reason) => {
      stops.push(reason)
      await stop()
    },
  })
  attendants.push(attendant)
  /** Time passes, in steps of ten seconds as an attendant's own. */
  const pass = async (milliseconds: number) => {
    for (const end = now + milliseconds; now < end; ) {
      now += 10_000
      for (const wake of sleeping) wake()
      sleeping.clear()
      await new Promise<void>((resolve) => setImmediate(resolve))
    }
  }
  return {
    attendant,
    marks,
    pass,
    shown,
    stops,
    warnings,
    newest: () => shown.at(-1),
    act: (text: string | undefined) => {
      action = text
    },
    does: (facts: Omit<ActivityFacts, 'at'>) => {
      last = { ...facts, at: now }
    },
    policy: (policy: Workspace['idle']) => {
      workspace = { ...workspace, ...(policy && { idle: policy }) }
      if (!policy) workspace = { id: 'one', name: 'one', state: 'running' } as Workspace
      attendant.changed()
    },
  }
}

describe('an attendant', () => {
  it('shows what was done last, and stops nothing where that is not asked for', async () => {
    const test = open(undefined)
    expect(test.shown).toEqual([{ id: 'one', reason: 'Typed in bash', at: 100 * minute }])
    await test.pass(24 * 60 * minute)
    expect(test.stops).toEqual([])
    expect(test.shown).toHaveLength(1)
  })

  it('warns once, then stops it with the reason', async () => {
    const test = open({ minutes: 30, whileClosed: false })
    expect(test.newest()).toMatchObject({ stopsAt: 130 * minute, warnsAt: 125 * minute })
    await test.pass(29 * minute)
    expect(test.warnings).toEqual([5])
    expect(test.stops).toEqual([])
    await test.pass(minute)
    expect(test.stops).toEqual(['Typed in bash'])
  })

  it('lets go of it when something is done, and warns again the next time', async () => {
    const test = open({ minutes: 30, whileClosed: false })
    await test.pass(28 * minute)
    test.does({ reason: 'output', what: 'make' })
    await test.pass(20 * minute)
    expect(test.stops).toEqual([])
    expect(test.newest()).toMatchObject({ reason: 'Output of make', stopsAt: 158 * minute })
    await test.pass(9 * minute)
    expect(test.warnings).toEqual([5, 5])
  })

  it('obeys a policy that comes, changes and goes, at once', async () => {
    const test = open(undefined)
    await test.pass(60 * minute)
    test.policy({ minutes: 10, whileClosed: false })
    // Idle for long already: still there is the whole warning.
    expect(test.newest()?.stopsAt).toBe(165 * minute)
    test.policy({ minutes: 10, whileClosed: false, keepUntil: 400 * minute })
    expect(test.newest()?.stopsAt).toBe(400 * minute)
    test.policy(undefined)
    expect(test.newest()?.stopsAt).toBeUndefined()
    await test.pass(600 * minute)
    expect(test.stops).toEqual([])
  })

  it('gives the whole warning where a shorter time comes, and takes nothing of an earlier run', async () => {
    const test = open({ minutes: 600, whileClosed: false })
    await test.pass(120 * minute)
    test.policy({ minutes: 30, whileClosed: false })
    expect(test.newest()?.stopsAt).toBe(225 * minute)
    const again = open({ minutes: 30, whileClosed: false }, { watched: false, lastAt: 10 * minute })
    expect(again.newest()).toMatchObject({ reason: 'Started', at: 100 * minute, stopsAt: 130 * minute })
  })

  it('does not stop what is being worked at, whatever that is', async () => {
    const test = open({ minutes: 5, whileClosed: false })
    test.act('Running postCreateCommand')
    await test.pass(60 * minute)
    expect(test.stops).toEqual([])
    expect(test.newest()?.reason).toBe('Running postCreateCommand')
    test.act(undefined)
    await test.pass(5 * minute)
    expect(test.stops).toHaveLength(1)
  })

  it('asks the target for processor time where no agent sees it', async () => {
    const test = open({ minutes: 5, whileClosed: true }, { watched: false, cpu: 0.5 })
    await test.pass(30 * minute)
    expect(test.marks).toContain('processor')
    expect(test.stops).toEqual([])
    expect(test.newest()?.onlyWhileOpen).toBe('Berth has no helper in this workspace')
    const quiet = open({ minutes: 5, whileClosed: false }, { watched: false, cpu: 0.02 })
    await quiet.pass(5 * minute)
    expect(quiet.stops).toHaveLength(1)
  })

  it('warns anew where stopping fails, and tries again', async () => {
    const test = open({ minutes: 30, whileClosed: false }, { stop: () => Promise.reject(new Error('busy')) })
    await test.pass(30 * minute)
    expect(test.stops).toHaveLength(1)
    await test.pass(4 * minute)
    expect(test.stops).toHaveLength(1)
    await test.pass(2 * minute)
    expect(test.stops).toHaveLength(2)
    expect(test.warnings.length).toBeGreaterThanOrEqual(2)
  })

  it('does nothing any more once it is disposed of', async () => {
    const test = open({ minutes: 5, whileClosed: false })
    test.attendant.dispose()
    await test.pass(60 * minute)
    expect(test.stops).toEqual([])
  })
})
