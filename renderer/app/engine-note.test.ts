import { expect, test } from 'vitest'
import type { EngineState } from '#contract'
import { engineNote } from './engine-note'

const problem = { code: 'engine-crashed', title: '', cause: '', remedy: '' } as const
const starting: EngineState = { state: 'starting' }

test('a first start is spoken of when it takes long', () => {
  expect(engineNote('connecting', starting, false)).toBe('')
  expect(engineNote('connecting', starting, true)).toBe('Engine is starting…')
  expect(engineNote('ready', { state: 'ready' }, true)).toBe('')
})

test('an engine that comes back by itself is waited for, and no other', () => {
  expect(engineNote('lost', { state: 'crashed', problem, retryInMilliseconds: 500 }, true)).toBe(
    'Engine is starting again…',
  )
  expect(engineNote('lost', { state: 'crashed', problem }, true)).toBe('')
  expect(engineNote('connecting', { state: 'crashed', problem }, true)).toBe('')
})
