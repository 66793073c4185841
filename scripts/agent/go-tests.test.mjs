import { describe, expect, it } from 'vitest'
import { GoTestEvents } from './go-tests.mjs'

/** @param {readonly (object | string)[]} events @param {number} code */
function countsOf(events, code = 1) {
  const read = new GoTestEvents()
  for (const event of events) read.add(typeof event === 'string' ? event : JSON.stringify(event))
  return read.counts(code)
}

/** @param {string} Test @param {string} Action @param {string[]} said */
const test = (Test, Action, ...said) => [
  { Action: 'run', Package: 'p', Test },
  ...said.map((Output) => ({ Action: 'output', Package: 'p', Test, Output: `${Output}\n` })),
  ...(Action === 'run' ? [] : [{ Action, Package: 'p', Test }]),
]
const done = (/** @type {string} */ Action) => ({ Action, Package: 'p', Elapsed: 0.1 })

describe('the counts of go test', () => {
  it('are of tests without subtests, and of a fuzz target as one', () => {
    const events = [
      ...test('TestOne', 'pass'),
      ...test('TestTwo/a', 'pass'),
      ...test('TestTwo/b', 'pass'),
      ...test('TestTwo', 'pass'),
      ...test('TestTwoMore', 'pass'),
      ...test('FuzzThree/seed#0', 'pass'),
      ...test('FuzzThree/seed#1', 'pass'),
      ...test('FuzzThree', 'pass'),
      done('pass'),
    ]
    expect(countsOf(events, 0)).toEqual({ passed: 5, failed: 0, skipped: [], failures: [] })
  })

  it('give what a failed test said, and the test above it no second time', () => {
    const events = [
      ...test('TestTwo/a', 'fail', '=== RUN   TestTwo/a', '    a_test.go:3: it is 3', '--- FAIL: TestTwo/a'),
      ...test('TestTwo', 'fail', '=== RUN   TestTwo'),
      done('fail'),
    ]
    expect(countsOf(events)).toMatchObject({
      failed: 1,
      failures: ['p > TestTwo/a\n        a_test.go:3: it is 3'],
    })
  })

  it('have a failure of the test above, where all below it passed', () => {
    const events = [
      ...test('TestTwo/a', 'pass'),
      ...test('TestTwo', 'fail', '    a_test.go:9: after all'),
      done('fail'),
    ]
    expect(countsOf(events)).toMatchObject({
      passed: 1,
      failed: 1,
      failures: ['p > TestTwo\n        a_test.go:9: after all'],
    })
  })

  it('have the failed seed of a fuzz target with what it said', () => {
    const events = [
      ...test('FuzzThree/seed#1', 'fail', '    a_test.go:5: crash'),
      ...test('FuzzThree', 'fail'),
      done('fail'),
    ]
    expect(countsOf(events)).toMatchObject({
      failed: 1,
      failures: ['p > FuzzThree\n        a_test.go:5: crash'],
    })
  })

  it('have the reason of a skip', () => {
    const events = [
      ...test('TestOne', 'skip', '    a_test.go:8: no ssh here', '--- SKIP: TestOne'),
      done('pass'),
    ]
    expect(countsOf(events, 0)).toMatchObject({
      failed: 0,
      skipped: [{ name: 'p > TestOne', reason: 'no ssh here' }],
    })
  })

  it('have a test that did not end', () => {
    expect(countsOf([...test('TestOne', 'run', 'panic: test timed out'), done('fail')])).toMatchObject({
      failed: 1,
      failures: ['p > TestOne (did not end)\n    panic: test timed out'],
    })
  })

  it('have what the compiler said of a package', () => {
    const events = [
      { Action: 'build-output', ImportPath: 'p [p.test]', Output: 'p.go:1:2: undefined: x\n' },
      { Action: 'build-fail', ImportPath: 'p [p.test]' },
      { Action: 'output', Package: 'p', Output: 'FAIL\tp [build failed]\n' },
      { ...done('fail'), FailedBuild: 'p [p.test]' },
    ]
    expect(countsOf(events)).toMatchObject({ failed: 1, failures: ['p\n    p.go:1:2: undefined: x'] })
  })

  it('have a package whose tests passed and which failed all the same', () => {
    const events = [
      ...test('TestOne', 'pass'),
      { Action: 'output', Package: 'p', Output: 'a process is left\n' },
      done('fail'),
    ]
    expect(countsOf(events)).toMatchObject({ passed: 1, failed: 1, failures: ['p\n    a process is left'] })
  })

  it('have what Go says where it comes to no test', () => {
    expect(countsOf(['go: errors parsing go.mod'])).toMatchObject({
      failed: 1,
      failures: ['go test ended with 1\n    go: errors parsing go.mod'],
    })
  })
})
