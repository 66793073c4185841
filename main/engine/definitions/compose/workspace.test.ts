import { describe, expect, it } from 'vitest'
import { problemOf, readApp, readWritten, refusedOf, services } from './compose.test-helper'

describe("the workspace's own service", () => {
  it('is a definition with the other services beside it', async () => {
    const definition = await readWritten({
      compose: `
services:
  app:
    build:
      context: .
      dockerfile: .devcontainer/Dockerfile
      args: {NODE: 22, TOKEN: }
      target: dev
      cache_from: [ghcr.io/acme/app]
      additional_contexts: [own=.devcontainer, base=docker-image://debian:12, other=service:db]
    user: node
    environment: {LANG: C.UTF-8, KEEP: compose}
    volumes:
      - ..:/workspaces:cached
      - modules:/workspaces/app/node_modules
    command: sleep infinity
    network_mode: service:db
    init: true
    ports: ["3000:3000"]
  db:
    image: postgres:16
    restart: unless-stopped
    volumes: [data:/var/lib/postgresql/data]
volumes:
  modules:
  data:
`,
      devcontainer: {
        name: 'Shop',
        workspaceFolder: '/workspaces/app',
        containerEnv: { KEEP: 'devcontainer', MORE: '1' },
        remoteUser: 'vscode',
        mounts: ['type=tmpfs,target=/scratch'],
        forwardPorts: ['db:5432', 3000],
        portsAttributes: { 'db:5432': { label: 'Database' } },
        postCreateCommand: 'npm ci',
        shutdownAction: 'stopCompose',
      },
      files: { '.devcontainer/Dockerfile': 'FROM node' },
    })
    expect(definition).toMatchObject({
      title: 'Shop',
      format: 'devcontainer',
      path: '.devcontainer/devcontainer.json',
      build: {
        dockerfile: '.devcontainer/Dockerfile',
        context: '.',
        args: { NODE: '22', TOKEN: '$' + '{localEnv:TOKEN}' },
        target: 'dev',
        cacheFrom: ['ghcr.io/acme/app'],
        contexts: [
          { name: 'own', folder: '.devcontainer' },
          { name: 'base', image: 'debian:12' },
        ],
      },
      containerUser: 'node',
      remoteUser: 'vscode',
      containerEnv: { LANG: 'C.UTF-8', KEEP: 'devcontainer', MORE: '1' },
      workspaceFolder: '/workspaces/app',
      sourceFolder: '/workspaces/app',
      mounts: [
        { type: 'volume', source: 'modules', target: '/workspaces/app/node_modules', ofWorkspace: true },
        { type: 'tmpfs', target: '/scratch' },
      ],
      init: true,
      overrideCommand: true,
      aliases: ['app'],
      forwardPorts: [5432, 3000],
      portsAttributes: { '5432': { label: 'Database' } },
      lifecycle: { postCreateCommand: 'npm ci' },
      services: [
        {
          name: 'db',
          image: 'postgres:16',
          env: {},
          mounts: [{ type: 'volume', source: 'data', target: '/var/lib/postgresql/data', ofWorkspace: true }],
          ports: [],
          aliases: [],
          dependsOn: [],
          restart: 'always',
        },
      ],
    })
    expect(definition).not.toHaveProperty('image')
    expect(definition).not.toHaveProperty('dependsOn')
    expect(Object.keys(refusedOf(definition))).toEqual([
      'services.app.build.additional_contexts',
      'shutdownAction',
    ])
  })

  it.each([
    ['sleep infinity', {}, true, undefined],
    ['while sleep 1000; do :; done', {}, false, ['while', 'sleep', '1000;', 'do', ':;', 'done']],
    [['/bin/sh', '-c', 'while sleep 1000; do :; done'], {}, true, undefined],
    ['npm start', {}, false, ['npm', 'start']],
    ['npm start', { overrideCommand: true }, true, ['npm', 'start']],
    ['sleep infinity', { overrideCommand: false }, false, undefined],
    [undefined, {}, false, undefined],
    ['sleep infinity', {}, true, ['sleep', 'infinity']],
  ])('with the command %j and %j runs idle: %s', async (command, devcontainer, idle, words) => {
    const definition = await readApp({ command }, { devcontainer })
    expect(definition.overrideCommand).toBe(idle)
    if (words) expect(definition.command).toEqual(words)
  })

  it('is kept running where only its terminal would do that', async () => {
    const definition = await readApp({ tty: true })
    expect(definition.overrideCommand).toBe(true)
    expect(refusedOf(definition)).toHaveProperty(['services.app.tty'])
    expect((await readApp({ tty: true, command: 'npm start' })).overrideCommand).toBe(false)
  })

  it('keeps an entry point that prepares something before it waits', async () => {
    const definition = await readApp({ entrypoint: '/usr/local/bin/init.sh', command: 'sleep infinity' })
    expect(definition).toMatchObject({
      overrideCommand: false,
      entrypoint: ['/usr/local/bin/init.sh'],
      command: ['sleep', 'infinity'],
    })
  })

  it('says what of it does nothing in a workspace', async () => {
    const definition = await readApp(
      {
        healthcheck: { test: ['CMD', 'true'] },
        restart: 'always',
        working_dir: '/srv',
        volumes: ['.:/srv:ro'],
        tty: true,
      },
      { devcontainer: { workspaceFolder: '/srv', image: 'debian', build: { dockerfile: 'x' } } },
    )
    expect(refusedOf(definition)).toEqual({
      'services.app.healthcheck': 'the workspace is ready when its own commands have ended',
      'services.app.restart': 'the workspace runs until you stop it',
      'services.app.working_dir': 'terminals and commands start in the workspaceFolder',
      'services.app.volumes[0]': 'it is applied, but the source can be written',
      'services.app.tty': "Berth keeps the container running itself, and not by the image's own command",
      image: '"dockerComposeFile" is given too, and wins',
      build: '"dockerComposeFile" is given too, and wins',
    })
  })

  it('needs what it depends on before commands run', async () => {
    const compose = services({
      app: {
        depends_on: {
          db: { condition: 'service_healthy' },
          seed: { condition: 'service_completed_successfully' },
          none: { required: false },
        },
      },
      db: {},
      seed: {},
    })
    const { dependsOn } = await readWritten({ compose })
    expect(dependsOn).toEqual([
      { service: 'db', condition: 'healthy' },
      { service: 'seed', condition: 'completed' },
    ])
  })

  it('is named where Compose files are, and nothing else', async () => {
    const definition = await readApp({}, { devcontainer: { dockerComposeFile: null, service: 'app' } })
    expect(refusedOf(definition)).toEqual({
      service: 'it belongs to Docker Compose, and no dockerComposeFile is named',
    })
  })
})

describe('the place of the source', () => {
  it.each([
    // volumes, workspaceFolder, sourceFolder
    [['.:/work'], '/work', '/work', undefined],
    [['.:/work'], '/work/packages/api', '/work', undefined],
    [['.:/work'], undefined, '/work', undefined],
    [['..:/workspaces:cached'], '/workspaces/app', '/workspaces/app', undefined],
    // Its authors call it something else than it is called here.
    [['..:/code'], '/code/shop/api', '/code/shop', undefined],
    [['..:/code'], undefined, '/code/app', undefined],
    [['../..:/all'], '/all/acme/shop', '/all/acme/shop', undefined],
    [['../app:/work'], '/work', '/work', undefined],
    [['$PWD:/work'], '/work', '/work', undefined],
    [['$' + '{PWD}/api:/work'], '/work', '/workspaces/app', [{ path: 'api', target: '/work' }]],
    [[{ type: 'bind', source: '.', target: '/work' }], '/work', '/work', undefined],
    [['./api:/work'], '/work', '/workspaces/app', [{ path: 'api', target: '/work' }]],
    [['.:/first', '.:/work'], '/work', '/work', [{ path: '.', target: '/first' }]],
    [
      ['.:/work', './conf/app.conf:/etc/app.conf:ro'],
      '/work',
      '/work',
      [{ path: 'conf/app.conf', target: '/etc/app.conf', readOnly: true }],
    ],
    [[], undefined, '/workspaces/app', undefined],
    [[], '/srv/app', undefined, undefined],
  ])('is, with %j and the workspaceFolder %s, %s', async (volumes, workspaceFolder, folder, parts) => {
    const definition = await readApp({ volumes }, { devcontainer: { workspaceFolder } })
    expect(definition.workspaceFolder).toBe(workspaceFolder ?? '/')
    expect(definition.sourceFolder).toBe(folder)
    expect(definition.sourceMounts).toEqual(parts)
    expect(definition.mounts).toEqual([])
  })

  it('is known from the folders above it where the source is a folder of this machine', async () => {
    const context = { localFolder: '/home/me/acme/shop', sourceName: 'shop' }
    const above = await readApp({ volumes: ['../..:/all'] }, { context })
    expect(above.sourceFolder).toBe('/all/acme/shop')
    const absolute = await readApp(
      { volumes: ['/home/me/acme/shop:/x', '/home/me/acme/shop/a:/a'] },
      { context },
    )
    expect(absolute).toMatchObject({ sourceFolder: '/x', sourceMounts: [{ path: 'a', target: '/a' }] })
  })
})

describe('which services run', () => {
  const compose = services({
    app: { depends_on: ['db'] },
    db: { profiles: ['data'] },
    cache: {},
    mail: { profiles: ['mail'] },
    admin: { profiles: ['tools'], depends_on: { mail: { condition: 'service_started' } } },
  })
  const running = async (devcontainer: Record<string, unknown>, env: Record<string, string> = {}) =>
    (await readWritten({ compose, devcontainer, context: { env } })).services.map(({ name }) => name)

  it('are all without a profile, and what they need', async () => {
    expect(await running({})).toEqual(['db', 'cache'])
    expect(await running({ runServices: [] })).toEqual(['db', 'cache'])
  })

  it('are those of runServices alone, with what they need', async () => {
    expect(await running({ runServices: ['app'] })).toEqual(['db'])
    expect(await running({ runServices: ['cache'] })).toEqual(['db', 'cache'])
    expect(await running({ runServices: ['admin'] })).toEqual(['db', 'mail', 'admin'])
  })

  it('are also those of profiles that the environment asks for', async () => {
    expect(await running({}, { COMPOSE_PROFILES: 'tools, x' })).toEqual(['db', 'cache', 'mail', 'admin'])
  })

  it('must be there', async () => {
    const problem = await problemOf(running({ runServices: ['cahce'] }))
    expect(problem).toMatchObject({ code: 'definition-invalid', remedy: 'Did you mean "cache"?' })
  })
})
