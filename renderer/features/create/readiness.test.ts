import { expect, test } from 'vitest'
import { hindrance, type Readiness } from './readiness'

const ready: Readiness = {
  hasSource: true,
  isReading: false,
  nameProblem: undefined,
  target: { state: 'ready' },
  denied: undefined,
  hasFaults: false,
  isShortOfRoom: false,
  faulty: false,
  refused: false,
  unfinished: [],
}

test('what keeps a workspace from being made is said, the first thing first', () => {
  expect(hindrance(ready)).toBeUndefined()
  expect(hindrance({ ...ready, isReading: true })).toBeUndefined()
  expect(hindrance({ ...ready, hasSource: false, target: undefined })).toContain('made of')
  expect(hindrance({ ...ready, hasSource: false, isReading: true })).toContain('Reading')
  expect(hindrance({ ...ready, target: undefined })).toContain('no target')
  expect(hindrance({ ...ready, nameProblem: 'x', unfinished: ['npmrc'] })).toContain('name')
  expect(hindrance({ ...ready, isShortOfRoom: true, hasFaults: true })).toContain('field')
  expect(hindrance({ ...ready, isShortOfRoom: true })).toContain('room')
  expect(hindrance({ ...ready, refused: true })).toContain('team')
  expect(hindrance({ ...ready, unfinished: ['npmrc'] })).toContain('npmrc')
})
