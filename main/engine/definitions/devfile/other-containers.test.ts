import { describe, expect, test } from 'vitest'
import { read, reasonOf } from './reading.test-helper'

const containers = `components:
  - name: dev
    container: {image: debian}
  - name: tools
    container:
      image: maven
      sourceMapping: /src
      env: [{name: CACHE, value: $PROJECTS_ROOT/.m2}]
  - name: db
    container: {image: postgres, mountSources: false}
`
const exec = (id: string, component: string, line: string, more = '') =>
  `  - {id: ${id}, exec: {component: ${component}, commandLine: ${JSON.stringify(line)}${more}}}\n`

const all = `commands:
${exec('own', 'dev', 'make')}${exec('package', 'tools', 'mvn package', ', workingDir: $PROJECT_SOURCE/web, env: [{name: OUT, value: $CACHE/out}]')}${exec('sql', 'db', 'psql')}`

describe('commands of another container', () => {
  test('are tasks there, in its folder and with its variables', async () => {
    const { tasks, notApplied } = await read(
      `${containers}${all}${exec('below', 'tools', 'pwd', ', workingDir: web')}${exec('late', 'db', 'ls', ', workingDir: $PGDATA')}${exec('relative', 'db', 'ls', ', workingDir: base')}`,
    )
    expect(tasks).toMatchObject([
      { name: 'own', command: 'make' },
      {
        name: 'package',
        service: 'tools',
        command: 'mvn package',
        workingFolder: '/src/app/web',
        env: { OUT: '/src/.m2/out' },
      },
      { name: 'sql', service: 'db', command: 'psql', env: {} },
      { name: 'below', service: 'tools', workingFolder: '/src/app/web' },
      { name: 'late', service: 'db', command: '(\ncd "$PGDATA" || exit\nls\n)' },
      { name: 'relative', service: 'db', command: '(\ncd base || exit\nls\n)' },
    ])
    // Where the source is not, its own folder is the place.
    expect(tasks.map(({ workingFolder }) => workingFolder)).toEqual([
      ...[undefined, '/src/app/web', undefined, '/src/app/web', undefined, undefined],
    ])
    expect(tasks[0]).not.toHaveProperty('service')
    expect(notApplied).toEqual([])
  })

  test('are one task if all of a composite one is for the same, and are named where a terminal would be in several', async () => {
    const definition = await read(
      `${containers}${all}${exec('test', 'tools', 'mvn test')}
  - {id: both, composite: {commands: [package, test]}}
  - {id: mixed, composite: {commands: [own, both]}}
`,
    )
    expect(definition.tasks.map(({ name }) => name)).toEqual(['own', 'package', 'sql', 'test', 'both'])
    expect(definition.tasks.at(-1)).toEqual({
      name: 'both',
      automatic: false,
      service: 'tools',
      command: [
        '(\ncd /src/app/web || exit\nexport OUT="$CACHE/out"\nmvn package\n)',
        '(\ncd /src/app || exit\nmvn test\n)',
      ].join(' &&\n'),
      env: {},
    })
    expect(definition.notApplied).toEqual([
      {
        field: 'commands.mixed',
        reason: 'a terminal is in one container, and its commands run in several: dev, tools',
      },
    ])
  })

  test('are steps of an event, each after what has to succeed before it', async () => {
    const { lifecycle, preStopCommand, eventSteps } = await read(
      `${containers}${all}
  - {id: side, composite: {commands: [package, sql], parallel: true}}
  - {id: mixed, composite: {commands: [own, side, own]}}
events: {postStart: [mixed, sql], preStop: [sql]}
`,
    )
    expect(lifecycle).toEqual({})
    expect(preStopCommand).toBeUndefined()
    const own = { name: 'own', line: '(\nmake\n)' }
    const sql = { name: 'sql', service: 'db', line: '(\npsql\n)' }
    expect(eventSteps).toEqual({
      postStart: [
        { ...own, after: [] },
        {
          name: 'package',
          service: 'tools',
          line: '(\ncd /src/app/web || exit\nexport OUT="$CACHE/out"\nmvn package\n)',
          after: [0],
        },
        { ...sql, after: [0] },
        { ...own, after: [1, 2] },
        { ...sql, after: [3] },
      ],
      preStop: [{ ...sql, after: [] }],
    })
  })

  test('are no steps where all that an event runs is for the own one', async () => {
    const { lifecycle, eventSteps } = await read(`${containers}${all}events: {postStart: [own]}\n`)
    expect(lifecycle).toEqual({ postStartCommand: 'make' })
    expect(eventSteps).toBeUndefined()
  })

  test('are named where there are more of them than anybody means', async () => {
    const doubled = Array.from(
      { length: 12 },
      (_, level) =>
        `  - {id: c${level + 1}, composite: {commands: [c${level}, c${level}], parallel: true}}\n`,
    ).join('')
    const definition = await read(
      `${containers}commands:\n${exec('c0', 'db', 'x')}${doubled}events: {postStart: [c12]}\n`,
    )
    expect(definition.eventSteps).toBeUndefined()
    expect(reasonOf(definition, 'events.postStart.c12')).toContain('too many commands')
  })

  test('are named where it has ended by then', async () => {
    const definition = await read(
      `${containers}${all}  - {id: prepare, apply: {component: db}}\nevents: {preStart: [prepare], postStart: [sql]}\n`,
    )
    expect(definition.tasks.map(({ name }) => name)).toEqual(['own', 'package'])
    for (const field of ['commands.sql', 'events.postStart.sql'])
      expect(reasonOf(definition, field)).toContain('does its work and ends before the others start')
  })
})

describe('a container in which something is built or run', () => {
  const entrypointOf = async (text: string, group = 'build') => {
    const { services } = await read(
      `components:\n  - {name: dev, container: {image: x}}\n  - name: tools\n    container: {image: maven${text}}\ncommands:\n${exec('own', 'dev', 'x', ', group: {kind: build, isDefault: true}')}${exec('package', 'tools', 'mvn', `, group: {kind: ${group}}`)}`,
    )
    return services[0]?.entrypoint
  }

  test('is kept alive where the file gives it nothing to do', async () => {
    expect((await entrypointOf(''))?.at(-1)).toContain('sleep')
    expect((await entrypointOf(', command: [tail], args: [-f, /dev/null]'))?.at(-1)).toContain('trap')
  })

  test('is left alone where it has something to do, and where nothing is built in it', async () => {
    expect(await entrypointOf(', command: [serve]')).toEqual(['serve'])
    expect(await entrypointOf('', 'deploy')).toBeUndefined()
  })
})
