import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { Operation, problem } from '#contract'
import { createNodePlatform } from '../platform/node'
import type { Platform } from '../platform/platform'
import { Guard } from './guard'
import { Locks } from './locks'
import { Operations } from './operations'

let home: string
let platform: Platform
let operations: Operations
let printed: string[]

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'berth-operations-'))
  platform = createNodePlatform({ version: '0', resources: home, env: { HOME: home } })
  printed = []
  operations = new Operations(platform, (_name, payload) => printed.push((payload as { text: string }).text))
})

afterEach(() => rmSync(home, { recursive: true }))

const fields = {
  kind: 'start',
  workspaceId: 'abcdefghij',
  workspaceName: 'app',
  targetId: 'docker:default',
} as const
const steps = [
  { id: 'one', title: 'Doing one' },
  { id: 'two', title: 'Doing two' },
]
const states = (record: Operation) => record.steps.map(({ id, state }) => `${id} ${state}`)

describe('an operation', () => {
  it('goes through its steps and succeeds', async () => {
    const operation = operations.begin(fields)
    const phases: string[] = []
    operation.onPhase = (phase) => phases.push(phase)
    operation.plan(steps)
    expect(await operation.step('one', async () => 5)).toBe(5)
    operation.finish()
    expect(states(operation.record)).toEqual(['one done', 'two skipped'])
    expect(operation.record.state).toBe('succeeded')
    expect(phases).toEqual(['doing one'])
    expect(Operation.parse(operation.record)).toEqual(operation.record)
  })

  it('fails with the Problem of its step', async () => {
    const operation = operations.begin(fields)
    operation.plan(steps)
    const error = problem({ code: 'create-failed', title: 'x', cause: 'y', remedy: 'z' })
    await expect(operation.step('one', () => Promise.reject(error))).rejects.toBe(error)
    operation.finish({ error })
    expect(states(operation.record)).toEqual(['one failed', 'two cancelled'])
    expect(operation.record.problem?.code).toBe('create-failed')
  })

  it('is cancelled whatever its step says then', async () => {
    const operation = operations.begin(fields)
    operation.plan(steps)
    const step = operation.step(
      'one',
      (_report, signal) =>
        new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(new Error('odd')))),
    )
    operations.cancel(operation.id)
    expect(operation.record.cancelling).toBe(true)
    const error = await step.catch((thrown: unknown) => thrown)
    operation.finish({ error })
    expect(operation.record).toMatchObject({
      state: 'cancelled',
      cancelling: false,
      problem: { code: 'cancelled' },
    })
    expect(states(operation.record)).toEqual(['one cancelled', 'two cancelled'])
    await expect(operation.step('two', async () => 1)).rejects.toMatchObject({
      problem: { code: 'cancelled' },
    })
  })

  it('gathers progress and output, and keeps the newest', async () => {
    const operation = operations.begin(fields)
    operation.plan(steps)
    let changes = 0
    operations.collection.onChange(() => {
      changes += 1
    })
    await operation.step('one', async (report) => {
      for (let count = 0; count < 5000; count++) {
        report.progress({ current: count, unit: 'count' })
        report.output(`line ${count} ${'x'.repeat(500)}\n`)
      }
    })
    operation.finish()
    expect(changes).toBeLessThan(10)
    expect(operation.record.steps[0]?.progress?.current).toBe(4999)
    const kept = operations
      .output(operation.id)
      .map(({ text }) => text)
      .join('')
    expect(kept.length).toBeLessThanOrEqual(1024 * 1024)
    expect(kept).toContain('line 4999')
    expect(printed.length).toBeLessThan(10)
    expect(printed.join('')).toContain('line 4999')
  })

  it('forgets what a step was doing once it is done, and keeps what came of it', async () => {
    const operation = operations.begin(fields)
    operation.plan([...steps, { id: 'three', title: 'Doing three' }])
    let late: (() => void) | undefined
    await operation.step('one', async (report) => {
      report.detail('Looking into the image')
      late = () => report.detail('Looking still')
    })
    late?.()
    await operation.step('two', async (report) => {
      report.result('5 files')
      report.detail('app/last-of-them')
    })
    const error = problem({ code: 'create-failed', title: 'x', cause: 'y', remedy: 'z' })
    await operation
      .step('three', async (report) => {
        report.detail('Asking the registry')
        throw error
      })
      .catch(() => undefined)
    operation.finish({ error })
    expect(operation.record.steps.map(({ detail }) => detail)).toEqual([
      undefined,
      '5 files',
      'Asking the registry',
    ])
  })

  it('numbers its output, so that the answer and the events can be joined', async () => {
    const events: { readonly stepId: string; readonly offset: number; readonly text: string }[] = []
    const own = new Operations(platform, (_name, payload) =>
      events.push(payload as { stepId: string; offset: number; text: string }),
    )
    const operation = own.begin(fields)
    operation.plan(steps)
    await operation.step('one', async (report) => {
      for (let count = 0; count < 3; count++) {
        report.output(`${'x'.repeat(300_000)}${count}`)
        operation.report('two').output('y')
      }
    })
    operation.finish()
    // A flood's event carries its end only, and says where that belongs.
    expect(events.map(({ stepId, offset, text }) => [stepId, offset + text.length])).toEqual([
      ['one', 900_003],
      ['two', 3],
    ])
    const ends = new Map<string, number>()
    for (const { stepId, offset, text } of own.output(operation.id)) {
      expect(offset).toBe(ends.get(stepId) ?? 0)
      ends.set(stepId, offset + text.length)
    }
    expect([...ends]).toEqual([
      ['one', 900_003],
      ['two', 3],
    ])
  })

  it('is remembered for a while, and forgotten when dismissed', () => {
    const ids = Array.from({ length: 60 }, () => {
      const operation = operations.begin(fields)
      operation.finish()
      return operation.id
    })
    expect(operations.collection.list()).toHaveLength(51)
    expect(operations.collection.get(ids[0] ?? '')).toBeUndefined()
    const last = ids.at(-1) ?? ''
    operations.dismiss(last)
    expect(operations.collection.get(last)).toBeUndefined()
    expect(() => operations.output(last)).toThrow('There is no such operation')
    const running = operations.begin(fields)
    expect(() => operations.dismiss(running.id)).toThrow('still runs')
    running.finish()
  })
})

describe('the guard', () => {
  it('keeps actions apart, lets them in after ready, and ends what runs in the background', async () => {
    const locks = new Locks(platform, () => undefined)
    await locks.start()
    const guard = new Guard(platform, operations, locks, () => undefined)
    let proceed: () => void = () => undefined
    const order: string[] = []
    const first = await guard.begin(fields, undefined, async (action) => {
      await new Promise<void>((resolve) => {
        proceed = resolve
      })
      await action.ready()
      order.push('ready')
      await new Promise((resolve) => action.signal.addEventListener('abort', resolve))
      await new Promise((resolve) => setTimeout(resolve, 30))
      order.push('first ended')
      action.signal.throwIfAborted()
    })
    await expect(
      guard.begin({ ...fields, kind: 'stop' }, undefined, async () => undefined),
    ).rejects.toMatchObject({
      problem: { code: 'busy', cause: 'It is starting.' },
    })
    proceed()
    await expect.poll(() => order).toEqual(['ready'])
    expect(guard.state('abcdefghij')).toBeUndefined()
    const second = await guard.begin({ ...fields, kind: 'stop' }, undefined, async () => {
      order.push('second')
    })
    await expect.poll(() => operations.collection.get(second.id)?.state).toBe('succeeded')
    expect(order).toEqual(['ready', 'first ended', 'second'])
    expect(operations.collection.get(first.id)?.state).toBe('cancelled')
    await guard.dispose()
    await locks.dispose()
  })
})
