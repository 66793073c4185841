import { describe, expect, test } from 'vitest'
import { ProblemError } from '#contract'
import { processorTime } from '../../platform/processor-time.test-helper'
import { container, read, refused } from './reading.test-helper'

const dev = (fields: string) =>
  `components:\n  - name: dev\n    container:\n      image: debian\n      ${fields}\n`

describe('a devfile of which a part is wrong says where and what', () => {
  test.each([
    ['[] #schemaVersion', 'The file must hold one object, not a list.'],
    ['metadata: {name: x}\n#schemaVersion', '"schemaVersion" is missing'],
    ['schemaVersion: 2.2', '"schemaVersion" must be a version of three numbers, not the number 2.2.'],
    ['schemaVersion: two', 'must be a version of three numbers, not "two"'],
    ['metadata: {version: 1.0}', '"metadata.version" must be a string, not the number 1.'],
    ['metadata: {version: 1.0.x}', 'must be a version of three numbers'],
    ['metadata: {architectures: [arm]}', 'must be one of amd64, arm64'],
    ['metadata: {tags: java}', 'must be a list'],
    ['attributes: []', 'must be an object'],
    ['variables: {a: 1}', '"variables.a" must be a string, not the number 1.'],
    ['components: {}', '"components" must be a list'],
    ['components:', '"components" must be a list, not null.'],
    ['components: [dev]', 'must be an object'],
    ['components: [{container: {image: x}}]', '"components[0]" has no "name"'],
    ['components: [{name: Dev, container: {image: x}}]', 'lower-case letters'],
    ['components: [{name: -dev, container: {image: x}}]', 'lower-case letters'],
    ['components: [{name: "42", container: {image: x}}]', 'lower-case letters'],
    ['components: [{name: 42, container: {image: x}}]', 'must be a name, not the number 42'],
    [`components: [{name: ${'a'.repeat(64)}, container: {image: x}}]`, 'at most 63'],
    ['components: [{name: dev}]', 'must have one of container, kubernetes, openshift, volume, image'],
    ['components: [{name: dev, container: {image: x}, volume: {}}]', 'both "container" and "volume"'],
    ['components: [{name: dev, container: {}}]', '"components.dev.container" has no "image"'],
    ['components: [{name: dev, container: }]', 'must be an object, not null'],
    ['components: [{name: dev, container: {image: "a b"}}]', 'must be the name of an image'],
    ['components: [{name: a, volume: {}}, {name: a, volume: {}}]', 'two components with the name "a"'],
    ['components: [{name: a, volume: {size: big}}]', 'must be an amount, not "big"'],
    ['components: [{name: a, volume: {size: 5}}]', 'must be a string'],
    ['components: [{name: a, volume: {ephemeral: "yes"}}]', 'must be true or false'],
    ['components: [{name: a, kubernetes: {}}]', 'must have one of uri, inlined'],
    ['components: [{name: a, openshift: {uri: x, inlined: y}}]', 'both "uri" and "inlined"'],
    ['components: [{name: a, kubernetes: {uri: x, endpoints: [{name: b}]}}]', 'has no "targetPort"'],
    ['components: [{name: a, image: {imageName: x}}]', 'has no "dockerfile"'],
    ['components: [{name: a, image: {dockerfile: {uri: x}}}]', 'has no "imageName"'],
    [
      'components: [{name: a, image: {imageName: x, dockerfile: {}}}]',
      'must have one of uri, git, devfileRegistry',
    ],
    ['components: [{name: a, image: {imageName: x, dockerfile: {git: {}}}}]', 'has no "remotes"'],
    ['components: [{name: a, image: {imageName: x, dockerfile: {devfileRegistry: {}}}}]', 'has no "id"'],
    ['components: [{name: a, image: {imageName: x, dockerfile: {uri: x, args: y}}}]', 'must be a list'],
    [dev('mountSources: maybe'), 'must be true or false'],
    [dev('dedicatedPod: 1'), 'must be true or false'],
    [dev('memoryLimit: 512MB'), 'must be an amount, not "512MB"'],
    [dev('cpuRequest: -1'), 'must be a string'],
    [dev('cpuRequest: "-1"'), 'must be an amount'],
    [dev('sourceMapping: /'), 'must be a path below /'],
    [dev('sourceMapping: "/a:b"'), 'must be a path below /'],
    [dev('command: sleep'), 'must be a list'],
    [dev('args: [1]'), 'must be a string'],
    [dev('env: [{name: A}]'), 'has no "value"'],
    [dev('env: [{value: A}]'), 'has no "name"'],
    [dev('env: [{name: A, value: 5432}]'), 'must be a string, not the number 5432'],
    [dev('env: [{name: "", value: a}]'), 'must be the name of a variable'],
    [dev('env: [{name: __proto__, value: a}]'), 'must be the name of a variable'],
    [dev('env: [{name: PROJECT_SOURCE, value: /x}]'), 'is set by Berth itself'],
    [dev('volumeMounts: [{path: /x}]'), 'has no "name"'],
    [dev('volumeMounts: [{name: data}]'), 'There is no volume "data"'],
    [dev('volumeMounts: [{name: dev}]'), 'There is no volume "dev"'],
    [
      `${dev('volumeMounts: [{name: a, path: /x}, {name: a, path: /x/}]')}  - {name: a, volume: {}}\n`,
      'Two volumes are at /x',
    ],
    [dev('endpoints: [{name: a}]'), 'has no "targetPort"'],
    [dev('endpoints: [{targetPort: 1}]'), 'has no "name"'],
    [dev('endpoints: [{name: A, targetPort: 1}]'), 'lower-case letters'],
    [dev('endpoints: [{name: a-very-long-name, targetPort: 1}]'), 'at most 15'],
    [dev('endpoints: [{name: a, targetPort: "80"}]'), 'must be a port number from 1 to 65535, not "80"'],
    [dev('endpoints: [{name: a, targetPort: 0}]'), 'must be a port number'],
    [dev('endpoints: [{name: a, targetPort: 65536}]'), 'must be a port number'],
    [dev('endpoints: [{name: a, targetPort: 1, exposure: open}]'), 'must be one of public, internal, none'],
    [dev('endpoints: [{name: a, targetPort: 1, protocol: htps}]'), 'must be one of http, https'],
    [
      dev('endpoints: [{name: a, targetPort: 1}, {name: a, targetPort: 2}]'),
      'two endpoints with the name "a"',
    ],
    ['projects: [{name: a}]', 'must have one of git, zip'],
    ['projects: [{name: a, git: {remotes: {}}}]', 'must be an object with a remote'],
    ['projects: [{name: a, git: {}}]', 'has no "remotes"'],
    ['projects: [{name: a, git: {remotes: {b: x}}, zip: {}}]', 'both "git" and "zip"'],
    ['projects: [{name: a, git: {remotes: {b: --upload-pack=x}}}]', 'address of a git repository'],
    ['projects: [{name: a, git: {remotes: {b: "ext::sh -c x"}}}]', 'address of a git repository'],
    [
      'projects: [{name: a, git: {remotes: {b: x}, checkoutFrom: {revision: --x}}}]',
      'a branch, tag or commit',
    ],
    ['projects: [{name: a, git: {remotes: {b: x, c: y}}}]', 'several remotes'],
    [
      'projects: [{name: a, git: {remotes: {b: x, c: y}, checkoutFrom: {remote: d}}}]',
      'one of the remotes b, c',
    ],
    ['projects: [{name: a, zip: {}}, {name: a, zip: {}}]', 'two projects with the name "a"'],
    ['starterProjects: [{name: a, zip: }]', 'must be an object, not null'],
    ['starterProjects: [{name: a, git: {remotes: {b: x, c: y}}}]', 'one remote only'],
    [`${container}events: []`, 'must be an object'],
  ])('%s', async (text, cause) => {
    const problem = await refused(text)
    expect(problem.code).toBe('definition-invalid')
    expect(problem.cause).toContain(cause)
    expect(problem.cause).toMatch(/^Line \d+, column \d+: /)
    expect(problem.title).toMatch(/^devfile\.yaml has a mistake in line \d+$/)
    expect(problem.remedy).not.toBe('')
  })

  test('says which line', async () => {
    expect((await refused(dev('cpuLimit: lots'))).detail).toBe(
      'devfile.yaml:6:17\n      cpuLimit: lots\n                ^',
    )
  })

  test('suggests what was meant', async () => {
    expect((await refused('components: [{name: dev, contaner: {image: x}}]')).remedy).toBe(
      'Did you mean "container" by "contaner"?',
    )
    expect((await refused('components: [{name: dev, container: {imgae: x}}]')).remedy).toBe(
      'Did you mean "image" by "imgae"?',
    )
    expect((await refused(dev('volumeMounts: [{name: data}]'))).remedy).toContain('"volume: {}"')
    expect((await refused(dev('env: [{name: A, value: 5432}]'))).remedy).toBe('Put it in quotes.')
  })
})

describe('a devfile that is an attack', () => {
  const long = 'x'.repeat(20_000)

  test.each([
    ['variables', `variables: {a: "${long}"}\n${dev(`env: [{name: A, value: "${'{{a}}'.repeat(5000)}"}]`)}`],
    [
      'variables of variables',
      dev(
        `env: [{name: A0, value: "${long}"}, ${Array.from({ length: 40 }, (_, n) => `{name: A${n + 1}, value: $(A${n})$(A${n})}`).join(', ')}]`,
      ),
    ],
    [
      'commands of commands',
      `${container}commands:\n  - {id: c0, exec: {component: dev, commandLine: ${long}}}\n${Array.from(
        { length: 40 },
        (_, n) => `  - {id: c${n + 1}, composite: {commands: [c${n}, c${n}]}}\n`,
      ).join('')}`,
    ],
    [
      'one command of many',
      `${container}commands:\n  - {id: c, exec: {component: dev, commandLine: ${long}}}\n${Array.from(
        { length: 900 },
        (_, n) => `  - {id: c${n}, composite: {commands: [c]}}\n`,
      ).join('')}`,
    ],
  ])('comes to no more text than it may, with %s', async (_, text) => {
    const started = processorTime()
    expect((await refused(text)).cause).toMatch(/come to more than 2000000 characters/)
    expect(processorTime() - started).toBeLessThan(5000)
  })

  test('takes little time with as much as parents can have', async () => {
    const variables = (prefix: string, count: number) =>
      Array.from({ length: count }, (_, n) => `${prefix}${n}: x`).join(', ')
    const files = Object.fromEntries(
      Array.from({ length: 8 }, (_, step) => [
        `${step}.yaml`,
        `schemaVersion: 2.2.0
variables: {${variables(`p${step}x`, 4000)}}
${step === 7 ? '' : `parent: {uri: ${step + 1}.yaml, variables: {${variables(`p${step + 1}x`, 4000)}}}\n`}`,
      ]),
    )
    const started = processorTime()
    const definition = await read(`parent: {uri: 0.yaml}\n${dev('sourceMapping: "{{p7x3999}}"')}`, { files })
    expect(definition.workspaceFolder).toBe('/x/app')
    expect(processorTime() - started).toBeLessThan(15_000)
  })

  test.each([
    ['an image', (much: string) => dev('cpuLimit: "1"').replace('debian', `"${much}"`)],
    [
      'an image that is built',
      (much: string) =>
        `components: [{name: a, image: {imageName: "${much}", dockerfile: {uri: x}}}, {name: b, container: {image: "${much}"}}]`,
    ],
    ['a registry', (much: string) => `parent: {id: x, registryUrl: "https://example.com/${much}"}`],
    ['an address', (much: string) => `parent: {uri: "https://example.com/${much}"}`],
    ['a path', (much: string) => `parent: {uri: "${much}"}`],
    [
      'a project',
      (much: string) => `${container}projects: [{name: a, clonePath: "${much}", git: {remotes: {b: x}}}]`,
    ],
    ['a folder', (much: string) => dev(`sourceMapping: "/${much}"`)],
    [
      'a remote',
      (much: string) =>
        `projects: [{name: a, git: {remotes: {b: "${much}"}, checkoutFrom: {revision: "${much}"}}}]`,
    ],
    ['a version', (much: string) => `metadata: {version: "1.0.0-${much}"}`],
    ['an amount', (much: string) => dev(`cpuLimit: "1${much}"`)],
    [
      'a command',
      (much: string) =>
        `${container}commands: [{id: a, exec: {component: dev, commandLine: "${much}", workingDir: "${much}", env: [{name: A, value: "${much}"}]}}]`,
    ],
    ['an argument', (much: string) => dev(`args: ["${much}"]`)],
  ])(
    'is read or refused soon with much of one character in %s',
    async (_, text) => {
      for (const character of [
        ':',
        '/',
        '.',
        '-',
        '$',
        '(',
        '{',
        '@',
        '1',
        'a',
        ' ',
        '$(',
        '{{',
        '::/',
        'a.',
        '../',
      ]) {
        const started = processorTime()
        for (const end of ['', 'x', '/x', '!', '}}', ')']) {
          await read(text(character.repeat(60_000 / character.length) + end)).catch((error: unknown) => {
            if (!(error instanceof ProblemError)) throw error
          })
        }
        expect(processorTime() - started).toBeLessThan(3000)
      }
    },
    180_000,
  )

  test('has no lists without end', async () => {
    const volumes = Array.from({ length: 1001 }, (_, n) => `  - {name: v${n}, volume: {}}\n`).join('')
    expect((await refused(`components:\n${volumes}`)).cause).toContain('at most 1000 entries')
  })

  test('hides nothing in a long list of what is not applied', async () => {
    const unknown = Array.from({ length: 3000 }, (_, n) => `unknown${n}: 1\n`).join('')
    const { notApplied } = await read(`${unknown}${container}`)
    expect(notApplied).toHaveLength(201)
    expect(notApplied.at(-1)?.field).toBe('2800 more')
  })
})
