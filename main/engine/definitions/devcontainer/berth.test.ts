import { describe, expect, it } from 'vitest'
import { memoryReader, testContext } from '../memory-reader.test-helper'
import { readDevcontainer } from './read'

const path = '.devcontainer/devcontainer.json'

function read(services: unknown, more: object = {}) {
  const text = JSON.stringify({ image: 'debian', customizations: { berth: { services } }, ...more }, null, 1)
  return readDevcontainer(path, memoryReader({ [path]: text }), testContext)
}

describe('customizations.berth', () => {
  it('brings a database with all that it needs for a word', async () => {
    const { services, containerEnv, notApplied } = await read({ db: 'postgres:16', cache: 'redis' })
    expect(notApplied).toEqual([])
    expect(containerEnv).toEqual({
      DATABASE_URL: 'postgresql://postgres:development@localhost:5432/app',
      REDIS_URL: 'redis://localhost:6379',
    })
    expect(services[0]).toEqual({
      name: 'db',
      image: 'postgres:16',
      env: { POSTGRES_USER: 'postgres', POSTGRES_PASSWORD: 'development', POSTGRES_DB: 'app' },
      mounts: [{ type: 'volume', source: 'db-data', target: '/var/lib/postgresql/data' }],
      ports: [5432],
      aliases: [],
      health: {
        command: ['pg_isready', '-h', '127.0.0.1', '-U', 'postgres'],
        interval: 5_000,
        timeout: 5_000,
        retries: 12,
        startPeriod: 60_000,
      },
      dependsOn: [],
      restart: 'always',
    })
    expect(services[1]?.image).toBe('redis:7.4')
  })

  it('takes a list of short forms, and gives the second database a variable of its own', async () => {
    const { services, containerEnv } = await read(['postgres:18', 'mariadb', 'mongo', 'redis'], {
      containerEnv: { REDIS_URL: 'mine', MONGODB_URI: 'mongodb://elsewhere' },
    })
    expect(services.map(({ name }) => name)).toEqual(['postgres', 'mariadb', 'mongo', 'redis'])
    expect(services[0]?.mounts[0]?.target, 'as the image has it since 18').toBe('/var/lib/postgresql')
    expect(containerEnv).toEqual({
      DATABASE_URL: 'postgresql://postgres:development@localhost:5432/app',
      MARIADB_URL: 'mysql://root:development@127.0.0.1:3306/app',
      MONGO_URL: 'mongodb://localhost:27017/app',
      MONGODB_URI: 'mongodb://elsewhere',
      REDIS_URL: 'mine',
    })
  })

  it('goes along with Docker Compose, whose names and variables are taken', async () => {
    const compose =
      'services:\n  app:\n    image: debian\n    environment: { DATABASE_URL: theirs }\n  db:\n    image: postgres:16\n'
    const read = (services: object) => {
      const file = {
        dockerComposeFile: 'compose.yml',
        service: 'app',
        customizations: { berth: { services } },
      }
      const files = { [path]: JSON.stringify(file), '.devcontainer/compose.yml': compose }
      return readDevcontainer(path, memoryReader(files), testContext)
    }
    const { services, containerEnv } = await read({ other: 'mysql' })
    expect(services.map(({ name }) => name)).toEqual(['db', 'other'])
    expect(containerEnv).toMatchObject({
      DATABASE_URL: 'theirs',
      OTHER_URL: 'mysql://root:development@127.0.0.1:3306/app',
    })
    await expect(read({ db: 'redis' })).rejects.toMatchObject({
      problem: { code: 'definition-invalid', remedy: expect.stringContaining('one called db already') },
    })
  })

  it('reads a service field by field, with times in seconds', async () => {
    const { services, notApplied } = await read({
      queue: {
        image: 'rabbitmq:4',
        env: { USER: 'me', SIZE: 5, TOKEN: '${localEnv:TOKEN}' },
        volumes: { 'queue-data': '/var/lib/rabbitmq' },
        ports: [5672],
        health: { command: 'rabbitmq-diagnostics ping', interval: 2.5, retries: 3 },
        command: ['rabbitmq-server'],
        user: 'rabbitmq',
        workingFolder: '/tmp',
        aliases: ['mq'],
        dependsOn: { db: 'healthy' },
        restart: 'on-failure',
        port: 1,
      },
      db: 'postgres',
    })
    expect(services[0]).toEqual({
      name: 'queue',
      image: 'rabbitmq:4',
      env: { USER: 'me', SIZE: '5', TOKEN: '${localEnv:TOKEN}' },
      mounts: [{ type: 'volume', source: 'queue-data', target: '/var/lib/rabbitmq' }],
      ports: [5672],
      health: {
        command: ['sh', '-c', 'rabbitmq-diagnostics ping'],
        interval: 2_500,
        timeout: 5_000,
        retries: 3,
        startPeriod: 0,
      },
      command: ['rabbitmq-server'],
      user: 'rabbitmq',
      workingFolder: '/tmp',
      aliases: ['mq'],
      dependsOn: [{ service: 'db', condition: 'healthy' }],
      restart: 'on-failure',
    })
    expect(notApplied).toEqual([
      { field: 'customizations.berth.services.queue.port', reason: 'unknown field; did you mean "ports"?' },
    ])
  })

  it.each<[string, unknown, RegExp]>([
    ['another image as a word', { db: 'oracle' }, /Line \d+, column \d+: .*one of postgres/],
    ['a name that is none', { Db_1: 'redis' }, /lower-case/],
    ['two of a name', ['redis', 'redis:7'], /a service of its own/],
    ['no image', { db: {} }, /an object with an "image"/],
    ['an image that is none', { db: { image: '../x' } }, /the name of an image/],
    ['a port that is none', { db: { image: 'x', ports: [0] } }, /a port number/],
    ['a path that is none', { db: { image: 'x', volumes: { a: 'data' } } }, /an absolute path/],
    ['a check without a command', { db: { image: 'x', health: {} } }, /a "command"/],
    [
      'a time that is none',
      { db: { image: 'x', health: { command: 'x', interval: 0 } } },
      /a number of seconds/,
    ],
    ['a service that is not there', { db: { image: 'x', dependsOn: ['bd'] } }, /"bd", which is none/],
    ['a circle', { a: { image: 'x', dependsOn: ['b'] }, b: { image: 'x', dependsOn: ['a'] } }, /a → b → a/],
    ['two on one port', { one: 'postgres', two: 'postgres:16' }, /one and two both listen on 5432/],
    [
      'too many',
      Object.fromEntries(Array.from({ length: 31 }, (_, index) => [`s${index}`, 'redis'])),
      /at most 30/,
    ],
    ['no object', 7, /an object/],
  ])('refuses %s, with its place', async (_, services, cause) => {
    await expect(read(services)).rejects.toMatchObject({
      problem: {
        code: 'definition-invalid',
        cause: expect.stringMatching(cause),
        detail: expect.stringContaining(path),
      },
    })
  })
})
