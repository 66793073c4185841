import { expect, test } from 'vitest'
import type { Operation } from '#contract'
import { operationTitle, timelineStep } from './words'

const operation: Operation = {
  id: 'o',
  kind: 'create',
  workspaceId: 'w000000001',
  workspaceName: 'atlas',
  targetId: 'docker:default',
  state: 'running',
  cancelling: false,
  steps: [],
  startedAt: 1000,
}

test('an operation says how it is', () => {
  expect(operationTitle(operation, 5000)).toBe('Creating atlas')
  expect(operationTitle({ ...operation, cancelling: true }, 5000)).toBe('Cancelling, and cleaning up')
  expect(operationTitle({ ...operation, state: 'succeeded', endedAt: 13_000 }, 0)).toBe(
    'Created atlas in 12 s',
  )
  expect(operationTitle({ ...operation, state: 'failed', endedAt: 2000 }, 0)).toBe(
    'Creating atlas failed after 1.0 s',
  )
  expect(operationTitle({ ...operation, state: 'cancelled', endedAt: 2000 }, 0)).toBe(
    'Creating atlas was cancelled',
  )
})

test('a step tells progress while it runs and its time once it has taken some', () => {
  const progress = { current: 1_000_000, total: 4_000_000, unit: 'bytes' } as const
  const step = { id: 'image', title: 'Pull', state: 'running', progress, startedAt: 1000 } as const
  expect(timelineStep(step, 3000, true)).toMatchObject({
    progress: '1.0 MB of 4.0 MB',
    fraction: 0.25,
    elapsed: '2.0 s',
    unfolds: true,
  })
  const done = timelineStep({ ...step, state: 'done', endedAt: 1050 }, 9000, false)
  expect(done.progress).toBeUndefined()
  expect(done.elapsed).toBeUndefined()
})
