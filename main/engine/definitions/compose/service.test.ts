import { describe, expect, it } from 'vitest'
import { problemOf, readApp, readDb, readWritten, refusedOf, services } from './compose.test-helper'

const guarded = (name: string) => `\${localEnv:${name}}`

describe('a service', () => {
  it('has every part that Compose gives it', async () => {
    const { service, refused } = await readDb({
      image: 'acme/db:1',
      entrypoint: '/entry.sh --fast',
      command: ['serve', '--port', 80],
      environment: ['A=1', 'B=x=y', 'TOKEN', 'NONE'],
      user: 1000,
      working_dir: '/srv',
      tmpfs: '/run',
      expose: ['9000', 9001],
      ports: ['8080:80', '127.0.0.1:5432:5432', 6000, '7000-7002', { target: 90, published: '90' }],
      container_name: 'the_db',
      hostname: 'db.local',
      networks: { back: { aliases: ['database', 'bad name'] } },
      healthcheck: { test: 'pg_isready', interval: '1m', timeout: '5s', retries: 7, start_period: '90s' },
      restart: 'on-failure:3',
    })
    expect(service).toEqual({
      name: 'db',
      image: 'acme/db:1',
      entrypoint: ['/entry.sh', '--fast'],
      command: ['serve', '--port', '80'],
      env: { A: '1', B: 'x=y', TOKEN: guarded('TOKEN'), NONE: guarded('NONE') },
      user: '1000',
      workingFolder: '/srv',
      mounts: [{ type: 'tmpfs', target: '/run' }],
      ports: [80, 5432, 6000, 7000, 7001, 7002, 90, 9000, 9001],
      aliases: ['the_db', 'db.local', 'database'],
      health: {
        command: ['/bin/sh', '-c', 'pg_isready'],
        interval: 60_000,
        timeout: 5000,
        retries: 7,
        startPeriod: 90_000,
      },
      dependsOn: [],
      restart: 'on-failure',
    })
    expect(refused).toEqual({
      'services.db.restart': 'it is started again as often as it fails',
      'services.db.ports[0]':
        'nothing is published on a machine; the port is forwarded under the number that the service listens on',
      'services.db.networks':
        "every service shares the workspace's network, where all reach each other on localhost and by name",
      'services.db.networks.back.aliases[1]': '"bad name" is no name that can lead to a service',
    })
  })

  it.each([
    [
      { test: ['CMD', 'a', 'b'] },
      { command: ['a', 'b'], interval: 30_000, timeout: 30_000, retries: 3, startPeriod: 0 },
    ],
    [
      { test: ['CMD-SHELL', 'a || b'], retries: 0 },
      { command: ['/bin/sh', '-c', 'a || b'], retries: 3 },
    ],
    [{ test: ['NONE'] }, undefined],
    [{ test: 'a', disable: true }, undefined],
    [{ interval: '5s' }, undefined],
  ])('with the check %j', async (healthcheck, health) => {
    const { service, refused } = await readDb({ healthcheck })
    if (health) expect(service.health).toMatchObject(health)
    else {
      expect(service.health).toBeUndefined()
      expect(refused).toHaveProperty(['services.db.healthcheck'])
    }
  })

  it.each([
    ['no', 'never'],
    [false, 'never'],
    ['always', 'always'],
    ['unless-stopped', 'always'],
    ['on-failure', 'on-failure'],
    [undefined, 'never'],
  ])('with the policy %s', async (restart, policy) => {
    expect((await readDb({ restart })).service.restart).toBe(policy)
  })

  it('runs without the image its entry point where that is empty', async () => {
    expect((await readDb({ entrypoint: [], command: 'a b' })).service).toMatchObject({
      entrypoint: ['a', 'b'],
    })
    expect((await readDb({ entrypoint: '' })).service.entrypoint).toEqual([])
    expect((await readDb({ command: [] })).service).not.toHaveProperty('command')
    expect((await readDb({ command: null })).service).not.toHaveProperty('command')
  })

  it('sees volumes, parts of the source, and this machine where the target can', async () => {
    const volumes = [
      'data:/data:ro',
      '/cache',
      './init.sql:/init.sql:ro',
      '.:/src',
      '/etc/localtime:/etc/localtime:ro,rshared',
      '~/.aws:/root/.aws',
      { type: 'volume', source: 'data', target: '/again', volume: { nocopy: true, subpath: 'x' } },
      { type: 'tmpfs', target: '/t', tmpfs: { size: 100 } },
      { type: 'npipe', source: 'x', target: '/pipe' },
      { type: 'bind', source: './conf', target: '/conf', read_only: true, bind: { create_host_path: true } },
    ]
    const { service, refused } = await readDb({ volumes })
    expect(service.mounts).toEqual([
      { type: 'volume', source: 'data', target: '/data', readOnly: true, ofWorkspace: true },
      { type: 'volume', target: '/cache' },
      { type: 'bind', source: '/etc/localtime', target: '/etc/localtime', readOnly: true },
      { type: 'bind', source: '/home/me/.aws', target: '/root/.aws' },
      { type: 'volume', source: 'data', target: '/again', ofWorkspace: true },
      { type: 'tmpfs', target: '/t', size: 100 },
    ])
    expect(service.sourceFolder).toBe('/src')
    expect(service.sourceMounts).toEqual([
      { path: 'init.sql', target: '/init.sql', readOnly: true },
      { path: 'conf', target: '/conf', readOnly: true },
    ])
    expect(Object.keys(refused)).toEqual([
      'services.db.volumes[4]',
      'services.db.volumes[6].volume.subpath',
      'services.db.volumes[8]',
    ])
    const elsewhere = await readDb({ volumes }, { context: { bindMounts: false } })
    expect(elsewhere.service.mounts).toHaveLength(4)
    expect(elsewhere.refused['services.db.volumes[5]']).toBe(
      'this target cannot mount folders of this machine',
    )
  })

  it('sees a folder beside the source where there is one', async () => {
    const volumes = ['../other:/other']
    expect((await readDb({ volumes })).refused).toHaveProperty(['services.db.volumes[0]'])
    const { service } = await readDb({ volumes }, { context: { localFolder: '/home/me/app' } })
    expect(service.mounts).toEqual([{ type: 'bind', source: '/home/me/other', target: '/other' }])
  })

  it('has a volume that is there already only in the workspace', async () => {
    const compose = `
services:
  app: {image: debian, volumes: ["old:/old"]}
  db: {image: debian, volumes: ["old:/old", "own:/own"]}
volumes:
  old: {external: true, name: shared}
  own: {name: other, driver: local}
`
    const definition = await readWritten({ compose })
    expect(definition.mounts).toEqual([{ type: 'volume', source: 'shared', target: '/old' }])
    expect(definition.services[0]?.mounts).toEqual([
      { type: 'volume', source: 'old', target: '/old', ofWorkspace: true },
      { type: 'volume', source: 'own', target: '/own', ofWorkspace: true },
    ])
    expect(Object.keys(refusedOf(definition)).sort()).toEqual([
      'volumes.old.external',
      'volumes.own.driver',
      'volumes.own.name',
    ])
  })

  it('sees secrets and configs that are files of the source', async () => {
    const compose = `
services:
  app: {image: x}
  db:
    image: x
    secrets: [password, {source: key, target: id.key, mode: 0400}, token, home]
    configs: [nginx.conf, {source: nginx.conf, target: /etc/nginx.conf}]
secrets:
  password: {file: ./secret/password.txt}
  key: {file: key}
  token: {environment: TOKEN}
  home: {file: /etc/passwd}
configs:
  nginx.conf: {file: nginx.conf}
`
    const definition = await readWritten({ compose })
    expect(definition.services[0]?.sourceMounts).toEqual([
      { path: 'secret/password.txt', target: '/run/secrets/password', readOnly: true },
      { path: 'key', target: '/run/secrets/id.key', readOnly: true },
      { path: 'nginx.conf', target: '/nginx.conf', readOnly: true },
      { path: 'nginx.conf', target: '/etc/nginx.conf', readOnly: true },
    ])
    expect(definition.services[0]?.container?.files).toEqual([
      { target: '/run/secrets/token', variable: 'TOKEN' },
    ])
    expect(Object.keys(refusedOf(definition))).toEqual([
      'services.db.secrets[1].mode',
      'services.db.secrets[3]',
    ])
    const problem = await problemOf(readDb({ secrets: ['none'] }))
    expect(problem.cause).toContain('one of those that the files declare under "secrets"')
  })

  it('of the workspace may want graphics processors, which are there where the machine has them', async () => {
    const reserving = (device: object) => ({ deploy: { resources: { reservations: { devices: [device] } } } })
    for (const fields of [
      reserving({ driver: 'nvidia', count: 'all', capabilities: ['gpu', 'utility'] }),
      { gpus: 'all' },
      { gpus: [{ driver: 'nvidia', count: 2 }] },
      { runtime: 'nvidia' },
    ]) {
      const { hostRequirements, notApplied } = await readApp(fields)
      expect(hostRequirements, JSON.stringify(fields)).toEqual({ gpu: 'optional' })
      expect(notApplied).toEqual([])
    }
    const stated = await readApp(
      { gpus: 'all' },
      { devcontainer: { hostRequirements: { gpu: true, cpus: 2 } } },
    )
    expect(stated.hostRequirements).toEqual({ gpu: 'required', cpus: 2 })
    const other = await readApp({ ...reserving({ capabilities: ['tpu'] }), runtime: 'runsc' })
    expect(other.hostRequirements).toBeUndefined()
    expect(other.notApplied.map(({ field }) => field).sort()).toEqual([
      'services.app.deploy.resources.reservations.devices[0]',
      'services.app.runtime',
    ])
  })

  it('has what is not applied named, each with its reason', async () => {
    const fields = ['cpu_shares', 'dns', 'gpus', 'logging', 'platform', 'runtime']
    const { refused } = await readDb({
      ...Object.fromEntries(fields.map((field) => [field, true])),
      network_mode: 'host',
      evironment: {},
      'x-own': 1,
      volumes_from: ['app'],
      ports: ['53/udp'],
    })
    for (const field of [...fields, 'network_mode', 'volumes_from'])
      expect(refused[`services.db.${field}`], field).toMatch(/\w/)
    expect(refused['services.db.evironment']).toBe('unknown field; did you mean "environment"?')
    expect(refused['services.db.ports[0]']).toBe('only TCP is forwarded, not udp')
    expect(refused).not.toHaveProperty(['services.db.x-own'])
  })
})

describe('services together', () => {
  it('are told of ports that are the same', async () => {
    const definition = await readWritten({
      compose: services({
        app: { ports: ['3000'] },
        web: { ports: ['8080:3000'] },
        api: { expose: [3000, 4000] },
      }),
    })
    expect(definition.forwardPorts).toEqual([3000])
    const refused = definition.notApplied
      .filter(({ reason }) => reason.includes('share one network'))
      .map(({ field }) => field)
    expect(refused).toEqual(['services.web.ports', 'services.api.expose'])
  })

  it('are called by names that DNS can have, and by their own', async () => {
    const definition = await readWritten({
      compose: services({
        App_One: { depends_on: ['My_DB', 'my-db'], links: ['My_DB:store', 'my-db'] },
        My_DB: {},
        'my-db': { depends_on: ['App_Zero'] },
        App_Zero: {},
      }),
      devcontainer: { service: 'App_One', forwardPorts: ['My_DB:1', 'store:2', 'elsewhere:3'] },
    })
    expect(definition.aliases).toEqual(['App_One'])
    expect(definition.services.map(({ name, aliases }) => [name, aliases])).toEqual([
      ['app', []],
      ['my-db-2', ['My_DB', 'store']],
      ['my-db', []],
      ['app-zero', ['App_Zero']],
    ])
    expect(definition.dependsOn).toEqual([
      { service: 'my-db-2', condition: 'started' },
      { service: 'my-db', condition: 'started' },
    ])
    expect(definition.forwardPorts).toEqual([1, 2])
    expect(refusedOf(definition)).toHaveProperty(['forwardPorts[2]'])
  })

  it('start when the workspace has, where they depend on it', async () => {
    const definition = await readWritten({
      compose: services({
        web: { depends_on: ['app'] },
        api: { depends_on: { app: { condition: 'service_healthy' } } },
      }),
    })
    expect(definition.services.map(({ dependsOn }) => dependsOn)).toEqual([[], []])
    expect(Object.keys(refusedOf(definition))).toEqual(['services.api.depends_on.app'])
  })

  it('share one network, whatever networks the files declare', async () => {
    const compose = `
services: {app: {image: x, networks: [front, default]}, db: {image: x, networks: [default]}}
networks: {front: {driver: bridge}, back: {ipam: {config: []}}, out: {external: true}, plain: }
volume: {}
models: {}
x-own: {}
`
    expect(Object.keys(refusedOf(await readWritten({ compose })))).toEqual([
      'volume',
      'models',
      'services.app.networks',
      'networks.back',
      'networks.out',
    ])
  })

  it('cannot need each other in a circle', async () => {
    const compose = services({ app: { depends_on: ['a'] }, a: { depends_on: ['b'] }, b: { links: ['a'] } })
    const problem = await problemOf(readWritten({ compose }))
    expect(problem.cause).toMatch(/^Line 1, column \d+: Services need each other in a circle: b, a, b\.$/)
  })
})
