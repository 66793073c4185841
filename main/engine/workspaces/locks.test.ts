import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { createNodePlatform } from '../platform/node'
import { isAlive, thisProcess } from '../platform/process-identity'
import { Locks } from './locks'

let home: string
const open: Locks[] = []

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'berth-locks-'))
})

afterEach(async () => {
  for (const locks of open.splice(0)) await locks.dispose()
  rmSync(home, { recursive: true })
})

async function locks(onChange: () => void = () => undefined): Promise<Locks> {
  const platform = createNodePlatform({ version: '0', resources: home, env: { HOME: home } })
  const made = new Locks(platform, onChange)
  open.push(made)
  await made.start()
  return made
}

const fields = {
  workspaceId: 'abcdefghij',
  workspaceName: 'app',
  targetId: 'docker:default',
  kind: 'create',
  phase: 'being created',
} as const
const folder = () => join(home, '.local', 'state', 'berth', 'locks')
const file = () => join(folder(), 'abcdefghij.json')

it('lets one in, tells the others what it does, and leaves no file', async () => {
  const first = await locks()
  const second = await locks()
  const lock = await first.acquire(fields)
  await expect(second.acquire(fields)).rejects.toMatchObject({ problem: { code: 'busy' } })
  await expect(first.acquire(fields)).rejects.toMatchObject({ problem: { code: 'busy' } })
  lock.update({ phase: 'cloning' })
  await expect.poll(() => second.others.get('abcdefghij')?.content.phase).toBe('cloning')
  expect(second.others.get('abcdefghij')?.alive).toBe(true)
  expect(first.others.size).toBe(0)
  await lock.release()
  await expect.poll(() => second.others.size).toBe(0)
  await (await second.acquire(fields)).release()
  expect(readdirSync(folder())).toEqual([])
})

it('tells others nothing of what a caller’s record has besides, and is read by them all the same', async () => {
  const first = await locks()
  const second = await locks()
  const more = { ...fields, asked: { source: 'private' } }
  const lock = await first.acquire(more)
  await expect.poll(() => second.others.get('abcdefghij')?.content.phase).toBe('being created')
  expect(readFileSync(file(), 'utf8')).not.toContain('private')
  await lock.release()
})

it('lets exactly one of many in', async () => {
  const all = await Promise.all(Array.from({ length: 8 }, () => locks()))
  const results = await Promise.allSettled(all.map((each) => each.acquire(fields)))
  expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
})

it('takes over what a killed process left, once', async () => {
  const child = spawn('sleep', ['0'])
  await once(child, 'exit')
  const dead = { version: 1, ...fields, pid: child.pid, start: '1', holder: 'dead' }
  const all = await Promise.all(Array.from({ length: 6 }, () => locks()))
  writeFileSync(file(), JSON.stringify(dead))
  await all[0]?.refresh()
  expect(all[0]?.others.get('abcdefghij')).toMatchObject({
    alive: false,
    content: { phase: 'being created' },
  })
  const results = await Promise.allSettled(all.map((each) => each.acquire(fields)))
  expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
  expect(JSON.parse(readFileSync(file(), 'utf8'))).toMatchObject({ pid: process.pid })
  expect(readdirSync(folder())).toEqual(['abcdefghij.json'])
})

it('forgets a killed process’s lock, and no live one', async () => {
  const mine = await locks()
  writeFileSync(
    file(),
    JSON.stringify({ version: 1, ...fields, pid: process.pid, start: '1', holder: 'dead' }),
  )
  await mine.refresh()
  expect(mine.others.get('abcdefghij')?.alive).toBe(false)
  await mine.forget('abcdefghij')
  expect(readdirSync(folder())).toEqual([])
  const other = await locks()
  await other.acquire(fields)
  await mine.refresh()
  await mine.forget('abcdefghij')
  expect(readdirSync(folder())).toEqual(['abcdefghij.json'])
})

it('ends in the middle of no forgetting', async () => {
  const mine = await locks()
  writeFileSync(
    file(),
    JSON.stringify({ version: 1, ...fields, pid: process.pid, start: '1', holder: 'dead' }),
  )
  await mine.refresh()
  void mine.forget('abcdefghij')
  await mine.dispose()
  expect(readdirSync(folder())).toEqual([])
})

it('sweeps what a process left that was killed while it wrote', async () => {
  await locks()
  const dead = `abcdefghij.${process.pid}-1.some-holder`
  for (const kind of ['new', 'stale']) writeFileSync(join(folder(), `${dead}.${kind}`), '{')
  const { pid, start } = thisProcess()
  writeFileSync(join(folder(), `abcdefghij.${pid}-${start}.other.new`), '{')
  await locks()
  expect(readdirSync(folder())).toEqual([`abcdefghij.${pid}-${start}.other.new`])
})

it('reads over what is no lock', async () => {
  const mine = await locks()
  writeFileSync(join(folder(), 'nonsense.json'), '{"version": 7')
  await mine.refresh()
  expect(mine.others.size).toBe(0)
})

it('tells a process from a later one of the same number', () => {
  expect(isAlive(thisProcess())).toBe(true)
  expect(isAlive({ pid: process.pid, start: '1' })).toBe(process.platform !== 'linux')
  expect(isAlive({ pid: 2 ** 22 + 5, start: '' })).toBe(false)
})

it('says which folder is at fault when it cannot write there', async () => {
  writeFileSync(join(home, '.local'), 'a file')
  const platform = createNodePlatform({ version: '0', resources: home, env: { HOME: home } })
  const made = new Locks(platform, () => undefined)
  await expect(made.acquire(fields)).rejects.toMatchObject({
    problem: { code: 'permission-denied', remedy: expect.stringContaining('XDG_STATE_HOME') },
  })
})
