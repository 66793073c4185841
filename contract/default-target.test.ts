import { expect, test } from 'vitest'
import { defaultTarget } from './default-target'

const target = (id: string, isDefault: boolean) => ({
  id,
  kind: id.startsWith('docker') ? ('docker' as const) : ('kubernetes' as const),
  isDefault,
})

test('the default of docker comes before that of kubectl, whatever their order', () => {
  const docker = target('docker:default', true)
  const cluster = target('kubernetes:kind/default', true)
  const other = target('kubernetes:other/default', false)
  expect(defaultTarget([other, cluster, docker])).toBe(docker)
  expect(defaultTarget([docker, cluster])).toBe(docker)
  expect(defaultTarget([other, cluster])).toBe(cluster)
  expect(defaultTarget([other])).toBe(other)
  expect(defaultTarget([])).toBeUndefined()
})
