import { expect, test } from 'vitest'
import { workspaceTone } from './tone'

test('what was last seen running is not shown as running while its target does not answer', () => {
  expect(workspaceTone('running')).toBe('good')
  expect(workspaceTone('running', true)).toBe('warn')
  expect(workspaceTone('starting', true)).toBe('warn')
  expect(workspaceTone('stopped', true)).toBe('off')
  expect(workspaceTone('failed', true)).toBe('bad')
})
