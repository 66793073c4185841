import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { Disposer } from '../../../platform/disposable'
import { createNodePlatform } from '../../../platform/node'
import { KubeconfigStore } from './store'

let home: string
const stops: Disposer[] = []
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'berth-kubeconfig-'))
})
afterEach(async () => {
  for (const stop of stops.splice(0)) await stop()
  rmSync(home, { recursive: true, force: true })
})

const content = (...names: string[]) =>
  JSON.stringify({ contexts: names.map((name) => ({ name, context: {} })) })
const write = (name: string, ...contexts: string[]) => {
  const path = join(home, name)
  mkdirSync(join(path, '..'), { recursive: true })
  writeFileSync(path, content(...contexts))
  return path
}
const open = (env: Record<string, string> = {}) =>
  new KubeconfigStore(createNodePlatform({ version: '0', resources: home, env: { HOME: home, ...env } }))
/** Follows a store: every list of contexts that was told, in order. */
const follow = (store: KubeconfigStore) => {
  const told: string[][] = []
  const names = () => [...store.current().contexts.keys()]
  stops.push(store.watch(() => told.push(names())))
  return { told, names }
}
const becomes = (names: () => string[], ...expected: string[]) =>
  vi.waitFor(() => expect(names()).toEqual(expected), { interval: 20 })

it('reads anew at each question while nobody watches', () => {
  const store = open()
  expect(store.current().contexts.size).toBe(0)
  write('.kube/config', 'a')
  const first = store.current()
  expect([...first.contexts.keys()]).toEqual(['a'])
  expect(store.current()).toBe(first)
  write('.kube/config', 'a', 'b')
  expect([...store.current().contexts.keys()]).toEqual(['a', 'b'])
})

it('sees files come, change in place and by rename, and go', async () => {
  const { names } = follow(open())
  expect(names()).toEqual([])
  write('.kube/config', 'a')
  await becomes(names, 'a')
  write('.kube/config', 'a', 'b')
  await becomes(names, 'a', 'b')
  renameSync(write('.kube/config.new', 'c'), join(home, '.kube/config'))
  await becomes(names, 'c')
  write('.kube/config', 'd')
  await becomes(names, 'd')
  rmSync(join(home, '.kube'), { recursive: true })
  await becomes(names)
  write('.kube/config', 'e')
  await becomes(names, 'e')
})

it('sees a change behind a symbolic link, and of the link', async () => {
  write('real/one', 'a')
  const list = [join(home, 'link'), write('other', 'o')].join(delimiter)
  symlinkSync('real/one', join(home, 'link'))
  const { names } = follow(open({ KUBECONFIG: list }))
  expect(names()).toEqual(['a', 'o'])
  write('real/one', 'b')
  await becomes(names, 'b', 'o')
  write('real/two', 'c')
  symlinkSync('real/two', join(home, 'link.new'))
  renameSync(join(home, 'link.new'), join(home, 'link'))
  await becomes(names, 'c', 'o')
})

describe('with time held still', () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval'] })
  })
  afterEach(() => {
    vi.useRealTimers()
  })

  it('tells nothing of a file that is empty or torn while it is being written', () => {
    const path = write('.kube/config', 'a')
    const { told } = follow(open())
    writeFileSync(path, '')
    vi.advanceTimersByTime(3_200)
    writeFileSync(path, '{"contexts": [{"na')
    vi.advanceTimersByTime(900)
    expect(told).toEqual([])
    writeFileSync(path, content('b'))
    vi.advanceTimersByTime(3_200)
    expect(told).toEqual([['b']])
  })

  it('tells of a file that stays broken, and waits for no more of one that gets well', () => {
    const path = write('.kube/config', 'a')
    const store = open()
    const { told } = follow(store)
    writeFileSync(path, '{"contexts": [{"na')
    vi.advanceTimersByTime(4_200)
    expect(told).toEqual([[]])
    expect(store.current().broken).toHaveLength(1)
    writeFileSync(path, content('b'))
    vi.advanceTimersByTime(3_200)
    expect(told).toEqual([[], ['b']])
  })
})

it('looks at once when asked to, and tells nobody who stopped', async () => {
  write('.kube/config', 'a')
  const store = open()
  const { told, names } = follow(store)
  const stopped: string[] = []
  await store.watch(() => stopped.push('told'))()
  write('.kube/config', 'b')
  store.refresh()
  expect(names()).toEqual(['b'])
  expect(told).toEqual([['b']])
  expect(stopped).toEqual([])
})
