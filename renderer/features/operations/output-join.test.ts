import { expect, test } from 'vitest'
import { OutputJoin } from './output-join'

test('an answer and the events around it make one text, whatever they share', () => {
  const join = new OutputJoin()
  const take = (offset: number, text: string) => join.take({ stepId: 'image', offset, text })
  expect(take(0, 'one\n')).toBe('one\n')
  expect(take(4, 'two\n')).toBe('two\n')
  // An event whose first half was part of the answer, and one that was all of it.
  expect(take(4, 'two\nthree\n')).toBe('three\n')
  expect(take(0, 'one\ntwo\n')).toBe('')
  // The beginning of a flood is not kept: what there is goes on behind the gap.
  expect(take(9000, 'end')).toBe('end')
  expect(join.take({ stepId: 'clone', offset: 0, text: 'of its own' })).toBe('of its own')
})
