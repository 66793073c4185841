import { describe, expect, it } from 'vitest'
import { ProblemError } from '#contract'
import { processorTime } from '../../platform/processor-time.test-helper'
import { problemOf, readApp, readWritten, refusedOf, services } from './compose.test-helper'

const DOLLAR = '$'

describe('a mistake', () => {
  const app = (text: string) => `services:\n  app:\n    image: debian\n    ${text}\n`

  it.each([
    [app('image2: "$' + '{NONE:?set it}"'), 4, 13, 'The variable NONE is not set: set it.'],
    [app('user: "$1"'), 4, 11, '"$1" is no variable of Compose.'],
    [app('command: "it\'s"'), 4, 14, 'a line whose quotes are closed'],
    [app('env_file: ../../x'), 4, 15, 'a path inside the repository'],
    [app('volumes: [nope:/x]'), 4, 15, 'there is no "nope" under "volumes"'],
    [app('volumes: [a/b:/x]'), 4, 15, 'the name of a volume, or a path'],
    [app('volumes: [./x:y]'), 4, 15, 'a mount with an absolute target'],
    [app('volumes: [{type: bind, target: /x}]'), 4, 15, 'a bind mount with a source'],
    [app('ports: [70000]'), 4, 13, 'a port from 1 to 65535'],
    [app('ports: ["1-60000"]'), 4, 13, 'a range of at most 200 ports'],
    [app('ports: [{published: 1}]'), 4, 13, 'an object with "target"'],
    [app('restart: sometimes'), 4, 14, 'one of no, always, unless-stopped, on-failure'],
    [app('depends_on: [nope]'), 4, 18, 'about a service that the files have'],
    [app('depends_on: {app: }'), 4, 23, 'Services need each other in a circle: app, app.'],
    [app('healthcheck: {test: [PING]}'), 4, 26, 'one of CMD, CMD-SHELL, NONE'],
    [app('healthcheck: {test: a, interval: 5}'), 4, 38, 'a time of at most 24 days'],
    [app('environment: [[]]'), 4, 19, 'a string, not a list'],
    [app('tty: maybe'), 4, 10, 'true or false'],
    [app('user: "a b"'), 4, 11, 'the name or number of a user'],
    [app('working_dir: src'), 4, 18, 'an absolute path'],
    [app('build: nope'), 4, 12, 'a path that exists (there is no nope)'],
    [app('build: ../..'), 4, 12, 'a path inside the repository'],
    ['services:\n  app: {image: "UPPER case"}\n', 2, 16, 'the name of an image'],
    ['services:\n  app: {image: "a:$B"}\n', 2, 16, 'it comes to "a:"'],
    ['services:\n  app: {user: x}\n', 2, 8, 'The service app has neither "image" nor "build".'],
    ['services:\n  app: hello\n', 2, 8, '"services.app" must be an object'],
    ['services: [app]\n', 1, 11, '"services" must be an object'],
    ['services:\n  "a b": {image: x}\n', 2, 10, '"a b" cannot be the name of a service.'],
    ['services: {app: {image: x}, app: {}}\n', 1, 29, '"app" is there twice.'],
  ])('in %j is told with its place', async (compose, line, column, cause) => {
    const problem = await problemOf(readWritten({ compose }))
    expect(problem.code).toBe('definition-invalid')
    expect(problem.title).toBe(`compose.yml has a mistake in line ${line}`)
    expect(problem.cause).toContain(`Line ${line}, column ${column}: `)
    expect(problem.cause).toContain(cause)
    expect(problem.remedy).not.toBe('')
  })

  it.each([
    [{ service: 'ap' }, 'Did you mean "app"?'],
    [{ service: null }, 'Name the service to work in: app.'],
    [{ dockerComposeFile: '../../x.yml' }, 'Paths are relative to the folder of this file.'],
    [{ dockerComposeFile: 5 }, ''],
    [{ dockerComposeFile: ['../nope.yml'] }, ''],
  ])('of devcontainer.json is told there: %j', async (devcontainer, remedy) => {
    const problem = await problemOf(readApp({}, { devcontainer }))
    expect(problem.code).toBe('definition-invalid')
    expect(problem.title).toBe('.devcontainer/devcontainer.json has a mistake in line 1')
    expect(problem.remedy).toContain(remedy)
  })

  it('of an env file is told in that', async () => {
    const problem = await problemOf(readApp({}, { files: { '.env': 'A=1\n=2\n' } }))
    expect(problem.title).toBe('.env has a mistake in line 2')
  })

  it('is not what an image to build in another way is', async () => {
    const elsewhere = services({ app: { build: 'https://example.com/x.tar.gz' } })
    const problem = await problemOf(readApp({}, { compose: elsewhere }))
    expect(problem).toMatchObject({ code: 'definition-unsupported' })
    const remote = { build: 'https://example.com/x.tar.gz', image: 'acme/x' }
    const definition = await readWritten({ compose: services({ app: remote }) })
    expect(definition.image).toBe('acme/x')
    expect(refusedOf(definition)['services.app.build']).toContain('the image that is named is used instead')
  })

  it.each([
    [
      'services',
      services(Object.fromEntries(Array.from({ length: 200 }, (_, n) => [`s${n}`, {}]))),
      'at most 100 services',
    ],
    [
      'services that run',
      services(Object.fromEntries(Array.from({ length: 60 }, (_, n) => [`s${n}`, {}]))),
      'at most 50 services',
    ],
    [
      'files',
      `include: [${Array.from({ length: 40 }, (_, n) => `f${n}.yml`).join(', ')}]\nservices: {app: {image: x}}`,
      'among the first 32 files',
    ],
    [
      'variables',
      services({ app: { environment: Array.from({ length: 1100 }, (_, n) => `A${n}=1`) } }),
      'at most 1000 variables',
    ],
    ['ports', services({ app: { expose: ['1-150', '200-350'] } }), 'among the first 200 ports'],
  ])('is too many %s', async (_, compose, cause) => {
    const files = Object.fromEntries(Array.from({ length: 40 }, (__, n) => [`f${n}.yml`, 'name: x']))
    expect((await problemOf(readWritten({ compose, files }))).cause).toContain(cause)
  })
})

describe('any mutilated files', () => {
  const whole = `include: [{path: a.yml, env_file: a.env}]
services:
  app: &app
    build: {context: ., dockerfile: Dockerfile, args: [A=1, B]}
    image: "debian:${DOLLAR}{V:-12}"
    extends: {file: base.yml, service: web}
    command: sh -c "while sleep 1000; do :; done"
    entrypoint: ['/x', "y"]
    environment: {A: 1, B: "$TOKEN", C: }
    env_file: [{path: a.env, required: false}]
    volumes: ["..:/workspaces:cached", "data:/d:ro", {type: bind, source: ./x, target: /x}]
    ports: ["8080:80", 1-5, {target: 90}]
    depends_on: {db: {condition: service_healthy, required: false}}
    networks: {default: {aliases: [one]}}
  My_db:
    <<: *app
    healthcheck: {test: [CMD, a], interval: 1m30s, retries: 3}
    profiles: [x]
  db: {image: x, links: ["extra:z"], tmpfs: /t, restart: "no", user: 5}
volumes: {data: {external: true, name: x}}
`
  const pieces = [
    '{',
    '}',
    '[',
    ']',
    ':',
    ': ',
    ',',
    '"',
    "'",
    '\n',
    '  ',
    '- ',
    '&a ',
    '*a',
    '!reset ',
    '<<: ',
    '|',
    '>',
    '#',
    '$',
    '${DOLLAR}{',
    'null',
    '~',
    '0x1',
    '9e999',
    '\0',
    '\t',
    '__proto__',
    'app',
    'db',
    '/',
    '..',
    '\u{1F600}',
  ]

  it('give a definition or a Problem, and quickly', async () => {
    let seed = 11
    const random = (below: number) => {
      seed = (seed * 1103515245 + 12345) % 2147483648
      return seed % below
    }
    const mutilate = (text: string) => {
      let result = text
      for (let times = random(3); times > 0; times--) {
        const from = random(result.length + 1)
        result = result.slice(0, from) + pieces[random(pieces.length)] + result.slice(from + random(12))
      }
      return result
    }
    let read = 0
    for (let round = 0; round < 1000; round++) {
      // One of them at a time: one mistake hides the others.
      const which = random(5)
      const some = (at: number, text: string) => (which === at ? mutilate(text) : text)
      const compose = which < 2 ? mutilate(whole) : whole
      const files = {
        'a.yml': some(2, 'services: {extra: {image: x, expose: [1]}}\n'),
        'a.env': some(3, `A=1\nexport B="x $A" # c\nC='y'\n`),
        'base.yml': some(4, 'services: {web: {user: node, extends: root}, root: {image: y}}\n'),
        Dockerfile: '',
      }
      const started = processorTime()
      await readWritten({ compose, files, devcontainer: { runServices: round % 2 ? ['My_db'] : [] } }).then(
        () => {
          read += 1
        },
        (error: unknown) => {
          if (!(error instanceof ProblemError))
            throw new Error(`${compose}\n${JSON.stringify(files)}\n${String(error)}`)
          expect(error.problem.remedy).not.toBe('')
        },
      )
      expect(processorTime() - started).toBeLessThan(2000)
    }
    // Else nothing but the parser would be tried.
    expect(read).toBeGreaterThan(100)
  }, 180_000)

  it.each([
    ['bytes', String.fromCharCode(...Array.from({ length: 5000 }, (_, n) => 32 + ((n * 7919) % 95)))],
    ['dollars', `services: {app: {image: "${'$'.repeat(50_001)}"}}`],
    ['open variables', `services: {app: {image: "${DOLLAR.concat('{A:-').repeat(20_000)}"}}`],
    ['quotes', `services: {app: {image: x, command: '${'"a'.repeat(50_001)}'}}`],
    ['spaces', `services: {app: {image: x, command: "sh -c ${' '.repeat(100_000)}"}}`],
    ['echoes', `services: {app: {image: x, command: [sh, -c, "${'echo a; '.repeat(10_000)}x"]}}`],
    ['slashes', `services: {app: {image: x, volumes: ["${'../'.repeat(50_000)}:/x"]}}`],
    [
      'extending services',
      `services:\n  app: {extends: s0}\n${Array.from({ length: 95 }, (_, n) => `  s${n}: {image: x, extends: s${(n + 1) % 95}}\n`).join('')}`,
    ],
    ['values', `services: {app: {image: x, environment: [${'A=$B,'.repeat(9000)}]}}`],
  ])('of nothing but %s do not hang', async (_, compose) => {
    const started = processorTime()
    await readWritten({ compose }).catch((error: unknown) => expect(error).toBeInstanceOf(ProblemError))
    expect(processorTime() - started).toBeLessThan(10_000)
  })
})
