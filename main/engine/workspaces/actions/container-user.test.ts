import { expect, it } from 'vitest'
import { imageDefinition } from '#contract'
import type { Driver } from '../../drivers/driver'
import { nameContainerUser } from './container-user'

const cluster = { cluster: {} as NonNullable<Driver['cluster']> }
const image = {
  reference: 'debian',
  id: 'sha256:1',
  user: { name: 'dev', uid: 1000, gid: 1000, home: '/home/dev', shell: '/bin/sh' },
  imageUser: 'root',
  env: {},
  hasShell: true,
  built: false,
  services: {},
}
const definition = { ...imageDefinition('debian', 'app'), featureEntrypoints: ['/start'], remoteUser: 'dev' }
const named = (
  driver: Pick<Driver, 'cluster'>,
  more: Partial<typeof definition & { containerUser: string }> = {},
  imageUser = 'root',
) =>
  nameContainerUser(driver, {
    definition: { ...definition, ...more },
    image: { ...image, imageUser },
  }).definition.notApplied.map(({ reason }) => reason)

it('names that what Features begin runs as whoever works in a pod', () => {
  expect(named(cluster)).toEqual([expect.stringMatching(/runs as dev, .* and not as root$/)])
  expect(named(cluster, { containerUser: 'web' })).toEqual([expect.stringMatching(/and not as web$/)])
  expect(named(cluster, {}, '')).toHaveLength(1)
})

it.each([
  ['an engine', {}, {}, 'root'],
  ['without any', cluster, { featureEntrypoints: [] }, 'root'],
  ['the same user by name', cluster, { containerUser: 'dev' }, 'root'],
  ['the same user by number', cluster, {}, '1000:1000'],
  ["an image's own command", cluster, { overrideCommand: false }, 'root'],
])('has nothing to name: %s', (_, driver, more, imageUser) => {
  expect(named(driver, more, imageUser)).toEqual([])
})
