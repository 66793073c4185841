import { expect, it } from 'vitest'
import type { Definition, Task } from '#contract'
import { findTask } from './tasks'

const task = (name: string, label?: string): Task => ({
  name,
  automatic: false,
  env: {},
  ...(label === undefined ? {} : { label }),
})
const workspace = (...tasks: Task[]) => ({ name: 'project', definition: { tasks } as unknown as Definition })

it('a task is named by its name, or by a label that only one has', () => {
  const all = workspace(task('build', 'test'), task('test', 'Check'), task('a', 'Twice'), task('b', 'twice'))
  expect(findTask(all, 'test').name).toBe('test')
  expect(findTask(all, 'check').name).toBe('test')
  expect(findTask(all, 'BUILD').name).toBe('build')
  for (const text of ['twice', 'none', '']) {
    expect(() => findTask(all, text)).toThrow(/no task/)
  }
  expect(() => findTask(workspace(), 'test')).toThrow(/no task/)
})
