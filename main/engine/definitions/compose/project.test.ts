import { describe, expect, it } from 'vitest'
import { problemOf, readApp, readDb, readWritten, refusedOf } from './compose.test-helper'

const guarded = (name: string, fallback?: string) =>
  `\${localEnv:${name}${fallback === undefined ? '' : `:${fallback}`}}`

describe('several files', () => {
  const read = async (lower: string, upper: string) => {
    const definition = await readWritten({
      devcontainer: { dockerComposeFile: ['../compose.yml', 'upper.yml'], runServices: ['db'] },
      files: {
        'compose.yml': `services:\n  app: {image: debian}\n  db:\n    image: lower\n${lower}\nvolumes: {a: , b: }\n`,
        '.devcontainer/upper.yml': `services:\n  db:\n    restart: always\n${upper}\n`,
      },
    })
    return definition.services[0]
  }

  it.each([
    ['    image: upper', '', { image: 'lower', restart: 'always' }],
    ['', '    image: upper', { image: 'upper' }],
    ['    command: a b', '    command: [c]', { command: ['c'] }],
    ['    entrypoint: a b', '    entrypoint: c d', { entrypoint: ['c', 'd'] }],
    ['    expose: [1, 2]', '    expose: [2, 3]', { ports: [1, 2, 3] }],
    ['    ports: [1]', '    ports: !override [2]', { ports: [2] }],
    ['    ports: [1]', '    ports: !reset []', { ports: [] }],
    ['    environment: {A: 1, B: 2}', '    environment: [B=3, C=4]', { env: { A: '1', B: '3', C: '4' } }],
    [
      '    volumes: [a:/x, a:/y]',
      '    volumes: [b:/y:ro]',
      {
        mounts: [
          { type: 'volume', source: 'a', target: '/x', ofWorkspace: true },
          { type: 'volume', source: 'b', target: '/y', readOnly: true, ofWorkspace: true },
        ],
      },
    ],
    [
      '    healthcheck: {test: [CMD, a], interval: 5s}',
      '    healthcheck: {interval: 7s}',
      { health: { command: ['a'], interval: 7000, timeout: 30_000, retries: 3, startPeriod: 0 } },
    ],
    [
      '    depends_on: [app]\n    networks: {x: {aliases: [one]}}',
      '    networks: {y: {aliases: [two]}}',
      { aliases: ['one', 'two'] },
    ],
  ])('come together: %j and %j', async (lower, upper, service) => {
    // A name may be there once in a file.
    const below = lower.startsWith('    image') ? '' : lower
    expect(await read(below, upper)).toMatchObject(service)
  })

  it('take away a command with null', async () => {
    expect(await read('    command: a', '    command: ')).not.toHaveProperty('command')
    expect(await read('    command: a', '    command: []')).not.toHaveProperty('command')
    expect(await read('    command: a', '    command: !reset null')).not.toHaveProperty('command')
  })

  it('have their paths from the folder of the first', async () => {
    const definition = await readWritten({
      devcontainer: { dockerComposeFile: ['../deploy/compose.yml', 'upper.yml'] },
      files: {
        'deploy/compose.yml': 'services: {app: {build: {context: web, dockerfile: ../Dev}}}',
        '.devcontainer/upper.yml': 'services: {app: {volumes: ["..:/src"], env_file: app.env}}',
        'deploy/web/x': '',
        'deploy/Dev': '',
        'deploy/app.env': 'A=1',
      },
    })
    expect(definition).toMatchObject({
      build: { context: 'deploy/web', dockerfile: 'deploy/Dev' },
      sourceFolder: '/src',
      containerEnv: { A: '1' },
    })
  })

  it('are what Compose looks for where the list is empty', async () => {
    const definition = await readWritten({
      devcontainer: { dockerComposeFile: [] },
      files: {
        'docker-compose.yml': 'services: {app: {image: a}}',
        'docker-compose.override.yml': 'services: {app: {image: b}}',
      },
    })
    expect(definition.image).toBe('b')
  })

  it('know anchors, merge keys and fields of their own', async () => {
    const definition = await readWritten({
      compose: `
version: "3"
x-common: &common
  environment: &env {A: 1, B: 2}
  image: debian
services:
  app:
    <<: *common
    environment: {<<: *env, B: 3}
`,
    })
    expect(definition).toMatchObject({ image: 'debian', containerEnv: { A: '1', B: '3' }, notApplied: [] })
  })
})

describe('a service that extends another', () => {
  it('is on top of it, in its own file or another one, with the paths of that', async () => {
    const definition = await readWritten({
      compose: `
services:
  app:
    extends: {file: base/common.yml, service: web}
    environment: {B: app}
`,
      files: {
        'base/common.yml': `
services:
  web:
    extends: root
    build: .
    environment: {A: web, B: web}
  root:
    user: node
    environment: {A: root, C: root}
    env_file: c.env
`,
        'base/Dockerfile': '',
        'base/c.env': 'D=file',
      },
    })
    expect(definition).toMatchObject({
      build: { context: 'base', dockerfile: 'base/Dockerfile' },
      containerUser: 'node',
      containerEnv: { A: 'web', B: 'app', C: 'root', D: 'file' },
    })
    expect(definition.services).toEqual([])
  })

  it.each([
    ['app: {extends: app}', 'another service than one that extends this one'],
    ['app: {extends: a}\n  a: {extends: app}', 'another service than one that extends this one'],
    ['app: {extends: {file: compose.yml, service: app}}', 'another service than one that extends this one'],
    ['app: {extends: bpp}\n  app2: {image: x}', 'must be a service of compose.yml, not "bpp"'],
    ['app: {extends: {file: none.yml, service: app}}', 'there is no none.yml'],
    ['app: {extends: {file: ../none.yml, service: app}}', 'a path inside the repository'],
    ['app: {extends: {file: compose.yml}}', 'an object with "service"'],
    [
      `app: {extends: s0}\n${Array.from({ length: 40 }, (_, n) => `  s${n}: {extends: s${n + 1}}`).join('\n')}\n  s40: {image: x}`,
      'extended at most 16 deep',
    ],
  ])('is refused: %s', async (text, cause) => {
    const problem = await problemOf(readWritten({ compose: `services:\n  ${text}\n` }))
    expect(problem.code).toBe('definition-invalid')
    expect(problem.cause).toContain(cause)
  })
})

describe('included files', () => {
  it('bring their services, with their own folder and .env file', async () => {
    const definition = await readWritten({
      compose: `
include:
  - parts/db.yml
  - path: [more/one.yml, more/two.yml]
    project_directory: .
    env_file: more/own.env
services:
  app: {image: debian, depends_on: [db, cache]}
`,
      files: {
        'parts/db.yml':
          'services: {db: {image: "postgres:$VERSION", volumes: ["./i.sql:/i.sql", "d:/d"]}}\nvolumes: {d: }',
        'parts/.env': 'VERSION=16',
        'more/one.yml': 'services: {cache: {image: "redis:$VERSION"}}',
        'more/two.yml': 'services: {cache: {volumes: ["./conf:/conf"]}}',
        'more/own.env': 'VERSION=7',
      },
    })
    expect(definition.services).toMatchObject([
      { name: 'db', image: 'postgres:16', sourceMounts: [{ path: 'parts/i.sql', target: '/i.sql' }] },
      { name: 'cache', image: 'redis:7', sourceMounts: [{ path: 'conf', target: '/conf' }] },
    ])
  })

  it('do not include themselves, nor what is elsewhere', async () => {
    const problem = await problemOf(
      readWritten({
        compose: 'include: [a.yml]\nservices: {app: {image: x}}',
        files: { 'a.yml': 'include: [compose.yml]' },
      }),
    )
    expect(problem.cause).toContain('"include[0]" must be a file that does not include itself')
    const definition = await readWritten({
      compose: 'include: ["oci://x/y", "https://x/y.yml"]\nservices: {app: {image: x}}',
    })
    expect(Object.keys(refusedOf(definition))).toEqual(['include[0]', 'include[1]'])
  })
})

describe('variables', () => {
  it('come from the environment, then from the .env file, and secrets stay as written', async () => {
    const { service, refused } = await readDb(
      {
        image: 'postgres:$' + '{VERSION:-15}',
        command: 'serve --token $TOKEN $$HOME',
        environment: {
          OWN: '$TOKEN',
          URL: 'postgres://$USER:$' + '{TOKEN:-none}@db',
          NONE: '$MISSING',
          PASSWORD: '$PASSWORD',
          VERSION: null,
          PORT: 5432,
          ON: true,
        },
      },
      {
        files: { '.env': 'VERSION=16\nUSER=shop\nTOKEN=example\n' },
        context: { env: { TOKEN: 'hunter2', PASSWORD: 'x' } },
      },
    )
    expect(service).toMatchObject({
      image: 'postgres:16',
      command: ['serve', '--token', 'hunter2', '$HOME'],
      env: {
        OWN: guarded('TOKEN', 'example'),
        URL: `postgres://shop:${guarded('TOKEN', 'example')}@db`,
        NONE: '',
        PASSWORD: guarded('PASSWORD'),
        VERSION: '16',
        PORT: '5432',
        ON: 'true',
      },
    })
    expect(refused['services.db.command']).toContain('stored in clear')
    expect(refused['$' + '{MISSING}']).toContain('counts as empty')
    expect(Object.keys(refused)).toHaveLength(2)
  })

  it('of the .env file beside the first file, not of another', async () => {
    const definition = await readWritten({
      devcontainer: { dockerComposeFile: ['compose.yml', '../more.yml'] },
      files: {
        '.devcontainer/compose.yml': 'services: {app: {image: "$IMAGE"}}',
        'more.yml': 'services: {app: {user: $WHO}}',
        '.devcontainer/.env': 'IMAGE=right\nWHO=me',
        '.env': 'IMAGE=wrong',
      },
    })
    expect(definition).toMatchObject({ image: 'right', containerUser: 'me' })
  })

  it('come from env files below the environment', async () => {
    const definition = await readApp(
      {
        env_file: ['a.env', { path: 'raw.env', format: 'raw' }, { path: 'none.env', required: false }],
        environment: ['B=3'],
      },
      { files: { 'a.env': 'A=1 # one\nB=2\nSECRET=$TOKEN\nTOKEN', 'raw.env': 'C="$A"' } },
    )
    expect(definition.containerEnv).toEqual({
      A: '1',
      B: '3',
      C: '"$A"',
      SECRET: guarded('TOKEN'),
      TOKEN: guarded('TOKEN'),
    })
    expect(JSON.stringify(definition)).not.toContain('hunter2')
  })

  it('of an env file that is not there are named, and the rest is read', async () => {
    const { containerEnv, notApplied } = await readApp({
      env_file: ['none.env', { path: 'left-out.env', required: false }],
      environment: ['B=3'],
    })
    expect(containerEnv).toEqual({ B: '3' })
    expect(notApplied).toEqual([
      {
        field: 'services.app.env_file[0]',
        reason:
          'there is no none.env in the source, and its variables are not set; add the file and rebuild the workspace',
      },
    ])
    const included = await readWritten({
      compose: 'include: [{path: more.yml, env_file: gone.env}]',
      files: { 'more.yml': 'services: {app: {image: debian}}' },
    })
    expect(included.image).toBe('debian')
    expect(included.notApplied.map(({ field }) => field)).toEqual(['include[0].env_file'])
  })

  it('that are not set leave nothing of a user, a place to mount or a port', async () => {
    const { containerUser, mounts, forwardPorts, notApplied } = await readApp({
      user: '$NO_UID:$NO_GID',
      working_dir: '$NO_FOLDER',
      volumes: ['$NO_DATA:/data', '/srv/kept:/kept'],
      ports: ['8000:$NO_PORT', '9000:9000'],
    })
    expect(containerUser).toBeUndefined()
    expect(mounts.map(({ target }) => target)).toEqual(['/kept'])
    expect(forwardPorts).toEqual([9000])
    expect(notApplied.map(({ field }) => field).sort()).toEqual([
      '${NO_DATA}',
      '${NO_FOLDER}',
      '${NO_GID}',
      '${NO_PORT}',
      '${NO_UID}',
      'services.app.ports[0]',
      'services.app.volumes[0]',
      'services.app.working_dir',
    ])
  })

  it('fill in flags and numbers too', async () => {
    const { service } = await readDb({
      ports: ['$' + '{PORT:-5432}:5432'],
      healthcheck: { test: 'a', retries: '$' + '{N:-4}', disable: '$' + '{OFF:-false}' },
    })
    expect(service).toMatchObject({ ports: [5432], health: { retries: 4 } })
  })
})
