import { expect, test } from 'vitest'
import type { Target } from '#contract'
import { withoutRepeats } from './use-per-target'

const target = (id: string): Target => ({
  id,
  kind: 'docker',
  name: id,
  endpoint: '',
  isDefault: false,
  state: 'ready',
})

test('what two contexts of one engine both list is shown once, with the first', () => {
  const answers = [
    { target: target('one'), value: ['a', 'b'], problem: undefined },
    { target: target('slow'), value: undefined, problem: undefined },
    { target: target('two'), value: ['b', 'c'], problem: undefined },
  ]
  expect(withoutRepeats(answers, (one) => one).map(({ value }) => value)).toEqual([
    ['a', 'b'],
    undefined,
    ['c'],
  ])
})
