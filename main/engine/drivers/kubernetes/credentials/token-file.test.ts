import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { makeToken, TestClock } from './fakes'
import { TokenFile } from './token-file'

let folder: string
let path: string
let clock: TestClock
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'berth-token-'))
  path = join(folder, 'token')
  clock = new TestClock()
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const open = (fallback?: string) => new TokenFile(path, fallback, 'Logging in failed', clock)
const token = async (file: TokenFile) => (await file.current()).authorization

it('is read again each minute, and after a refusal', async () => {
  writeFileSync(path, 'one\n')
  const file = open()
  expect(await token(file)).toBe('Bearer one')
  writeFileSync(path, 'two')
  clock.advance(59_000)
  expect(await token(file)).toBe('Bearer one')
  clock.advance(1_000)
  const second = await file.current()
  expect(second).toEqual({ authorization: 'Bearer two' })
  writeFileSync(path, 'three')
  file.reject({ authorization: 'Bearer one' })
  expect(await token(file)).toBe('Bearer two')
  file.reject(second)
  expect(await token(file)).toBe('Bearer three')
})

it('serves what was read last while it cannot be read', async () => {
  writeFileSync(path, 'one')
  const file = open()
  await file.current()
  for (const content of ['', 'two words']) {
    writeFileSync(path, content)
    clock.advance(60_000)
    expect(await token(file)).toBe('Bearer one')
  }
  rmSync(path)
  clock.advance(60_000)
  expect(await token(file)).toBe('Bearer one')
})

it('beats the token beside it, which serves until there is a file', async () => {
  const file = open('beside')
  expect(await token(file)).toBe('Bearer beside')
  writeFileSync(path, 'from-file')
  expect(await token(file)).toBe('Bearer from-file')
})

it.each([
  ['missing', undefined, /ENOENT/],
  ['empty', ' \n', /empty/],
  ['something else', 'a token\nX-Injected: yes', /not a token/],
  ['too long', 'x'.repeat(70_000), /not a token/],
])('that is %s is a Problem', async (_what, content, cause) => {
  if (content !== undefined) writeFileSync(path, content)
  await expect(open().current()).rejects.toMatchObject({
    problem: {
      code: 'credentials-failed',
      cause: expect.stringMatching(cause),
      remedy: expect.stringContaining(path),
    },
  })
})

it('tells an expired token from one that is not accepted', async () => {
  writeFileSync(path, makeToken(clock.now() - 1_000))
  const file = open()
  await file.current()
  expect(file.refusal().code).toBe('credentials-expired')
  writeFileSync(path, 'opaque')
  clock.advance(60_000)
  await file.current()
  expect(file.refusal().code).toBe('credentials-failed')
})
