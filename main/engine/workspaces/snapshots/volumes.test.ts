import { expect, it } from 'vitest'
import type { Definition } from '#contract'
import { dataVolumes, planData } from './volumes'

const service = (name: string, image: string, ...volumes: string[]): Definition['services'][number] => ({
  name,
  image,
  env: {},
  mounts: [
    { type: 'tmpfs', target: '/run' },
    ...volumes.map((source) => ({ type: 'volume' as const, source, target: `/var/lib/${source}` })),
  ],
  ports: [],
  aliases: [],
  dependsOn: [],
  restart: 'always',
})

it('counts what is the workspace’s own, and neither nameless volumes nor those of the target', () => {
  const volumes = dataVolumes({
    services: [service('db', 'postgres:15', 'rows'), service('backup', 'debian', 'rows', 'dumps')],
    mounts: [
      { type: 'volume', source: 'dumps', target: '/dumps', ofWorkspace: true },
      { type: 'volume', source: 'notes', target: '/notes', ofWorkspace: true },
      { type: 'volume', source: 'cache', target: '/cache' },
      { type: 'volume', target: '/nameless' },
      { type: 'bind', source: '/srv', target: '/srv' },
    ],
  })
  expect(volumes).toEqual([
    { name: 'rows', services: ['db', 'backup'], ofWorkspace: false, image: 'postgres:15' },
    { name: 'dumps', services: ['backup'], ofWorkspace: true, image: 'debian' },
    { name: 'notes', services: [], ofWorkspace: true },
  ])
})

it('matches volumes by name, and warns of data of another image', () => {
  const into = dataVolumes({ services: [service('db', 'postgres:16', 'rows', 'more')], mounts: [] })
  const plan = planData({
    offered: [{ name: 'rows', image: 'postgres:15' }, { name: 'else' }],
    into,
    stopsWhole: false,
    from: 'other',
  })
  expect(plan).toMatchObject({ replaced: ['rows'], left: ['more'], unused: ['else'] })
  expect(plan.stops).toEqual(['The service db', 'What uses the data in other, while it is copied'])
  expect(plan.warnings).toEqual([expect.stringMatching(/postgres:15.*postgres:16/)])
})

it('warns of nothing where the image is the same', () => {
  const into = dataVolumes({ services: [service('db', 'postgres:16', 'rows')], mounts: [] })
  expect(planData({ offered: into, into, stopsWhole: true }).warnings).toEqual([])
})
