import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { silentLogger } from './logger'
import { createSettingsStore } from './node-settings'

let folder: string
let file: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'berth-settings-'))
  file = join(folder, 'config', 'settings.json')
})
afterEach(() => rm(folder, { recursive: true, force: true }))

describe('createSettingsStore', () => {
  it('begins with the defaults and keeps what is changed', async () => {
    const store = createSettingsStore(file, silentLogger)
    expect(store.get()).toMatchObject({ theme: 'system', defaultImage: 'debian:bookworm', routerPort: 7080 })
    await store.change({ theme: 'dark' })
    expect(createSettingsStore(file, silentLogger).get().theme).toBe('dark')
  })

  it('refuses what is not valid and changes nothing', async () => {
    const store = createSettingsStore(file, silentLogger)
    await expect(store.change({ routerPort: 70_000 })).rejects.toMatchObject({
      problem: { code: 'settings-invalid' },
    })
    expect(store.get().routerPort).toBe(7080)
  })

  it('tells listeners, until they stop', async () => {
    const store = createSettingsStore(file, silentLogger)
    const seen: string[] = []
    const stop = store.onChange((settings) => seen.push(settings.theme))
    await store.change({ theme: 'dark' })
    await stop()
    await store.change({ theme: 'light' })
    expect(seen).toEqual(['dark'])
  })

  it('keeps the good fields of a bad file, and the file itself before overwriting it', async () => {
    const store = createSettingsStore(file, silentLogger)
    await store.change({})
    const bad = '{"theme":"dark","routerPort":"many","unknown":1}'
    await writeFile(file, bad)
    const again = createSettingsStore(file, silentLogger)
    expect(again.get()).toMatchObject({ theme: 'dark', routerPort: 7080 })
    await again.change({ autoForward: false })
    expect(await readFile(`${file}.invalid`, 'utf8')).toBe(bad)
    expect(JSON.parse(await readFile(file, 'utf8'))).toMatchObject({ theme: 'dark', autoForward: false })
  })

  it('survives a file that is not JSON', async () => {
    const store = createSettingsStore(file, silentLogger)
    await store.change({})
    await writeFile(file, '{"theme":')
    expect(createSettingsStore(file, silentLogger).get().theme).toBe('system')
  })

  it('writes many changes at once without losing one', async () => {
    const store = createSettingsStore(file, silentLogger)
    await Promise.all([
      store.change({ theme: 'light' }),
      store.change({ autoForward: false }),
      store.change({ routerPort: 1 }),
    ])
    expect(JSON.parse(await readFile(file, 'utf8'))).toMatchObject({
      theme: 'light',
      autoForward: false,
      routerPort: 1,
    })
  })

  it('does not take team policies that cannot be read for none', async () => {
    file = join(folder, 'policy.json')
    await writeFile(file, JSON.stringify({ theme: 'dark', policy: { repositories: [{ link: 'x' }] } }))
    const { theme, policy } = createSettingsStore(file, silentLogger).get()
    expect({ theme, policy }).toEqual({ theme: 'dark', policy: { repositories: [], invalid: true } })
  })
})
