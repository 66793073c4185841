import { type BigIntStats, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { createNodePlatform } from '../../../platform/node'
import { KubeconfigStore } from './store'

/** The last tick of a system whose files have the time of that. */
const tick = vi.hoisted(() => ({ at: 1_000_000 }))
vi.mock('node:fs', async (original) => {
  const real = await original<typeof import('node:fs')>()
  const statSync = (path: string): BigIntStats => {
    const stats = real.statSync(path, { bigint: true })
    stats.mtimeNs = BigInt(tick.at) * 1_000_000n
    stats.ctimeNs = stats.mtimeNs
    return stats
  }
  return { ...real, statSync }
})

let home: string
beforeEach(() => {
  vi.useFakeTimers({ toFake: ['Date'], now: tick.at })
  home = mkdtempSync(join(tmpdir(), 'berth-kubeconfig-'))
  mkdirSync(join(home, '.kube'))
})
afterEach(() => {
  vi.useRealTimers()
  rmSync(home, { recursive: true, force: true })
})

const write = (name: string) =>
  writeFileSync(join(home, '.kube/config'), JSON.stringify({ contexts: [{ name, context: {} }] }))

it('sees a file that is written twice within a tick of the clock, and keeps its length', () => {
  const store = new KubeconfigStore(
    createNodePlatform({ version: '0', resources: home, env: { HOME: home } }),
  )
  const names = () => [...store.current().contexts.keys()]
  write('a')
  expect(names()).toEqual(['a'])
  write('b')
  const second = store.current()
  expect([...second.contexts.keys()]).toEqual(['b'])
  expect(store.current()).toBe(second)
  vi.setSystemTime(tick.at + 1_000)
  expect(store.current()).toBe(second)
  // What nobody has changed since is not read again.
  write('c')
  expect(store.current()).toBe(second)
})
