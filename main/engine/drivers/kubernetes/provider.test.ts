import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import type { Disposer } from '../../platform/disposable'
import { createNodePlatform } from '../../platform/node'
import type { Driver, TargetDescription } from '../driver'
import { createClusterProvider, type DriverParts } from './provider'

let home: string
const stops: Disposer[] = []
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'berth-provider-'))
  mkdirSync(join(home, '.kube'))
})
afterEach(async () => {
  for (const stop of stops.splice(0)) await stop()
  rmSync(home, { recursive: true, force: true })
})

const write = (token: string, ...contexts: string[]) =>
  writeFileSync(
    join(home, '.kube/config'),
    JSON.stringify({
      'current-context': contexts[0],
      contexts: contexts.map((name) => ({ name, context: { cluster: 'c', user: 'u', namespace: 'own' } })),
      clusters: [{ name: 'c', cluster: { server: 'https://host' } }],
      users: [{ name: 'u', user: { token } }],
    }),
  )
function provide() {
  const platform = createNodePlatform({ version: '0', resources: home, env: { HOME: home } })
  const parts: DriverParts[] = []
  const provider = createClusterProvider(platform, (given) => {
    parts.push(given)
    return {} as Driver
  })
  const told: (readonly TargetDescription[])[] = []
  const stop = provider.watchTargets((targets) => told.push(targets))
  stops.push(stop)
  const ids = () => told.at(-1)?.map(({ id }) => id)
  return { platform, provider, parts, told, ids, stop }
}
const becomes = (ids: () => string[] | undefined, ...expected: string[]) =>
  vi.waitFor(() => expect(ids()).toEqual(expected))

it('tells the targets at once, and again when files or settings change', async () => {
  const { platform, ids, told, stop } = provide()
  expect(told).toEqual([[]])
  write('t', 'a', 'b')
  await becomes(ids, 'kubernetes:a/own', 'kubernetes:b/own')
  await platform.settings.change({ kubernetesNamespaces: { b: ['x', 'y'] } })
  expect(ids()).toEqual(['kubernetes:a/own', 'kubernetes:b/x', 'kubernetes:b/y'])
  const count = told.length
  await platform.settings.change({ theme: 'dark' })
  expect(told).toHaveLength(count)
  await stop()
  await platform.settings.change({ kubernetesNamespaces: {} })
  expect(told).toHaveLength(count)
})

it('opens a driver with access that follows the kubeconfig', async () => {
  write('one', 'a')
  const { provider, parts, told } = provide()
  const [target] = told[0] ?? []
  if (!target) throw new Error('no target')
  provider.open(target)
  const { access, namespace } = parts[0] ?? {}
  expect(namespace).toBe('own')
  expect(access?.server).toBe('https://host')
  expect(await access?.credentials.headers()).toEqual({ Authorization: 'Bearer one' })
  write('two', 'a')
  await vi.waitFor(async () =>
    expect(await access?.credentials.headers()).toEqual({ Authorization: 'Bearer two' }),
  )
  // Another token is no other target.
  expect(told).toHaveLength(1)
  access?.credentials.dispose()
})

it('opens what is not configured any more, and says so when it is used', async () => {
  const { provider, parts } = provide()
  provider.open({ id: 'kubernetes:gone/default', name: 'gone', endpoint: 'https://gone', isDefault: false })
  await expect(parts[0]?.access.credentials.headers()).rejects.toMatchObject({
    problem: { code: 'target-misconfigured', cause: expect.stringContaining('any more') },
  })
})
