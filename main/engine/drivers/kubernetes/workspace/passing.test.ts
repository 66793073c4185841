import { expect, it } from 'vitest'
import type { Service } from '#contract'
import { specOf } from './fixtures'
import { planWorkspace } from './manifests'

const shared = (source: string, target: string, size?: number) =>
  ({ type: 'tmpfs', source, target, ...(size !== undefined && { size }) }) as const

it('what is not to outlive a stop is one emptyDir of the pod, whoever mounts it', () => {
  const service: Service = {
    name: 'db',
    image: 'postgres',
    env: {},
    mounts: [shared('cache', '/seen', 1024), shared('other', '/other')],
    ports: [],
    aliases: [],
    dependsOn: [],
    restart: 'always',
  }
  const mounts = [
    shared('cache', '/cache', 1024),
    { type: 'volume' as const, source: 'm2', target: '/m2', ofWorkspace: true, size: 5 },
  ]
  const { statefulSet, claim } = planWorkspace(
    specOf({}, { mounts, services: [service], hostRequirements: { storage: 13 * 1024 ** 3 } }),
    { namespace: 'n', making: 'm', options: {}, env: {}, secretName: 's' },
  )
  const pod = statefulSet.spec?.template.spec
  expect(pod?.volumes?.filter(({ emptyDir }) => emptyDir)).toEqual([
    { name: 'passing-0', emptyDir: { sizeLimit: '1024' } },
    { name: 'passing-1', emptyDir: {} },
  ])
  expect(
    pod?.containers.map(({ volumeMounts }) => volumeMounts?.filter((one) => one.name !== 'data')),
  ).toEqual([
    [
      { name: 'passing-0', mountPath: '/seen' },
      { name: 'passing-1', mountPath: '/other' },
    ],
    [{ name: 'passing-0', mountPath: '/cache' }],
  ])
  expect(pod?.initContainers?.[0]?.command).not.toContain('data/cache')
  expect(claim.spec?.resources?.requests).toEqual({ storage: '13Gi' })
})
