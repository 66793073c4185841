import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeEach, describe, expect, it } from 'vitest'
import { problem, type VariableScope } from '#contract'
import { memoryKeychain } from '../platform/memory-keychain.suite'
import { createNodePlatform } from '../platform/node'
import type { Platform } from '../platform/platform'
import { VariableStore } from './store'

const folders: string[] = []
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true })
})
let platform: Platform
let keychain: ReturnType<typeof memoryKeychain>
let store: VariableStore
let file: string

beforeEach(() => {
  const home = mkdtempSync(join(tmpdir(), 'variables-test-'))
  folders.push(home)
  keychain = memoryKeychain()
  const env = { HOME: home, PATH: process.env.PATH }
  platform = { ...createNodePlatform({ version: '0', resources: home, env }), keychain }
  store = new VariableStore(platform)
  file = join(platform.folders.config, 'variables.json')
})

const user: VariableScope = { kind: 'user' }
const project: VariableScope = {
  kind: 'project',
  source: { kind: 'git', url: 'https://user:t0ken@example.com/app.git' },
}
const workspace: VariableScope = { kind: 'workspace', workspaceId: 'abcdefghij' }
const plain = (value: string) => ({ value, secret: false })
const secret = (value: string) => ({ value, secret: true })
const resolved = async (from = store) =>
  Object.fromEntries(
    [...(await from.resolve([user, project, workspace])).values].map(([name, { value }]) => [name, value]),
  )

describe('variables', () => {
  it('of a later scope win, and what is under them comes back', async () => {
    await store.set(user, 'A', plain('user'))
    await store.set(project, 'A', secret('project'))
    await store.set(workspace, 'A', plain('workspace'))
    await store.set(user, 'B', secret('b'))
    expect(await resolved()).toEqual({ A: 'workspace', B: 'b' })
    expect(await store.remove(workspace, 'A')).toBe(true)
    expect(await store.remove(workspace, 'A')).toBe(false)
    expect(await resolved()).toEqual({ A: 'project', B: 'b' })
  })

  it('that are secret are in the keychain alone, and never listed', async () => {
    await store.set(project, 'TOKEN', secret('s3cret-value'))
    await store.set(user, 'PLAIN', plain('seen'))
    expect(await store.list(project)).toEqual([{ name: 'TOKEN', secret: true }])
    expect(await store.list(user)).toEqual([{ name: 'PLAIN', secret: false, value: 'seen' }])
    const text = readFileSync(file, 'utf8')
    expect(text).toContain('TOKEN')
    expect(text).not.toContain('s3cret-value')
    expect(text).not.toContain('t0ken')
    expect([...keychain.kept.values()]).toEqual(['s3cret-value'])
  })

  it('leave no old secret in the keychain', async () => {
    await store.set(workspace, 'TOKEN', secret('one'))
    await store.set(workspace, 'TOKEN', secret('two'))
    expect([...keychain.kept.values()]).toEqual(['two'])
    await store.forget('abcdefghij')
    expect([...keychain.kept]).toEqual([])
    expect(await store.list(workspace)).toEqual([])
  })

  it('are seen at once by another process', async () => {
    const other = new VariableStore(platform)
    await store.set(user, 'TOKEN', secret('one'))
    expect(await resolved(other)).toEqual({ TOKEN: 'one' })
    await store.set(user, 'TOKEN', secret('two'))
    expect(await resolved(other)).toEqual({ TOKEN: 'two' })
  })

  it('that the keychain does not give are named, and an earlier scope does not stand in', async () => {
    await store.set(user, 'TOKEN', plain('of the user'))
    await store.set(workspace, 'TOKEN', secret('hidden'))
    const refused = problem({ code: 'keychain-unavailable', title: 'No', cause: 'No.', remedy: 'Unlock it.' })
    const locked = { ...keychain, get: () => Promise.reject(refused) }
    const { values, unreadable } = await new VariableStore({ ...platform, keychain: locked }).resolve([
      user,
      workspace,
    ])
    expect([...values]).toEqual([])
    expect([...unreadable]).toEqual([['TOKEN', refused]])
  })

  it('are as before where the keychain keeps nothing', async () => {
    const refused = problem({ code: 'keychain-unavailable', title: 'No', cause: 'No.', remedy: 'Unlock it.' })
    const none = { ...keychain, set: () => Promise.reject(refused) }
    await store.set(user, 'TOKEN', plain('before'))
    await expect(
      new VariableStore({ ...platform, keychain: none }).set(user, 'TOKEN', secret('x')),
    ).rejects.toBe(refused)
    expect(await resolved()).toEqual({ TOKEN: 'before' })
  })

  it('of a file that cannot be read are not written over, and the message quotes none', async () => {
    await store.set(user, 'A', plain('a'))
    writeFileSync(file, '{"user": {"A": "s3cret-value"')
    const failing = store.set(user, 'B', plain('b'))
    await expect(failing).rejects.toMatchObject({ problem: { code: 'settings-invalid' } })
    expect(String(await failing.catch((error: unknown) => JSON.stringify(error)))).not.toContain(
      's3cret-value',
    )
    expect(readFileSync(file, 'utf8')).toContain('s3cret-value')
  })
})
