import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import type { Disposer } from '../../platform/disposable'
import { createNodePlatform } from '../../platform/node'
import type { TargetDescription } from '../driver'
import { createKubernetesProvider } from './index'

let home: string
const stops: Disposer[] = []
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'berth-late-'))
  mkdirSync(join(home, '.kube'))
})
afterEach(async () => {
  for (const stop of stops.splice(0)) await stop()
  rmSync(home, { recursive: true, force: true })
})

function write(): void {
  const kubeconfig = {
    contexts: [{ name: 'one', context: { cluster: 'c', user: 'u', namespace: 'own' } }],
    clusters: [{ name: 'c', cluster: { server: 'https://host' } }],
    users: [{ name: 'u', user: { token: 't' } }],
  }
  writeFileSync(join(home, '.kube/config'), JSON.stringify(kubeconfig))
}
function provide() {
  const provider = createKubernetesProvider(
    createNodePlatform({ version: '0', resources: home, env: { HOME: home } }),
  )
  const told: (readonly TargetDescription[])[] = []
  const stop = provider.watchTargets((targets) => told.push(targets))
  stops.push(stop)
  return { provider, told, stop, ids: () => told.at(-1)?.map(({ id }) => id) }
}

it('tells that there are no targets where there is no kubeconfig, and of the first one that comes', async () => {
  const { told, ids, provider } = provide()
  expect(told).toEqual([[]])
  write()
  await vi.waitFor(() => expect(ids()).toEqual(['kubernetes:one/own']))
  const driver = provider.open(told.at(-1)?.[0] as TargetDescription)
  expect(driver.targetId).toBe('kubernetes:one/own')
  await driver.dispose()
})

it('tells nothing before it knows what there is', async () => {
  write()
  const { told, ids } = provide()
  expect(told).toEqual([])
  await vi.waitFor(() => expect(ids()).toEqual(['kubernetes:one/own']))
  expect(told).toHaveLength(1)
})

it('follows nothing any more once it is stopped', async () => {
  const { told, stop } = provide()
  await stop()
  write()
  await new Promise((resolve) => setTimeout(resolve, 4_000))
  expect(told).toEqual([[]])
})
