import { expect, test } from 'vitest'
import { losesWork } from './lifecycle'

test('a delete is never taken for harmless', () => {
  const idle = { state: 'running', terminals: 0, livePorts: 0 } as const
  expect(losesWork('delete', { ...idle, state: 'stopped' })).toBe(true)
  expect(losesWork('rebuild', idle)).toBe(true)
  expect(losesWork('stop', idle)).toBe(false)
  expect(losesWork('restart', { ...idle, livePorts: 1 })).toBe(true)
  expect(losesWork('stop', { ...idle, terminals: 1 })).toBe(true)
})
