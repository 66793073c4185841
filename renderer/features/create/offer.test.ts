import { expect, test } from 'vitest'
import { faultLineOf, summaryOf } from './offer'

test('a summary names everything once', () => {
  const because = 'package.json'
  expect(
    summaryOf([
      { field: 'image', what: 'Node 22', because: '.nvmrc', line: 1 },
      { field: 'forwardPorts', what: 'port 5173', because },
      { field: 'postCreateCommand', what: 'npm install', because },
      { field: 'postCreateCommand', what: 'npm install', because },
    ]),
  ).toEqual({ what: ['Node 22', 'port 5173', 'npm install'], because: ['.nvmrc', 'package.json'] })
})

test('the line of a mistake is that of its place', () => {
  const problem = { code: 'definition-invalid', title: '', cause: '', remedy: '' } as const
  expect(
    faultLineOf({ ...problem, detail: '.devcontainer/devcontainer.json:3:12\n  "image": 5\n   ^' }),
  ).toBe(3)
  expect(faultLineOf(problem)).toBeUndefined()
  expect(faultLineOf({ ...problem, code: 'internal', detail: 'a:1:2' })).toBeUndefined()
  expect(faultLineOf(undefined)).toBeUndefined()
})
