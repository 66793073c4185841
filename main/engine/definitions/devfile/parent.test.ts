import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { fetchText } from '../../platform/fetch-text'
import type { TemplateAnswer, TemplateReference } from '../reader'
import { container, read, reasonOf, refused } from './reading.test-helper'

const parent = `schemaVersion: 2.1.0
metadata: {name: above}
attributes: {a: 1}
variables: {image: debian, tag: stable}
components:
  - name: dev
    container:
      image: "{{image}}:{{tag}}"
      memoryRequest: 1Gi
      args: [serve, --fast]
      env: [{name: A, value: one}, {name: B, value: two}]
      endpoints: [{name: http, targetPort: 80}]
      volumeMounts: [{name: cache, path: /cache}]
  - {name: cache, volume: {}}
commands:
  - {id: build, exec: {component: dev, commandLine: make, workingDir: /src, group: {kind: build, isDefault: true}}}
  - {id: prepare, exec: {component: dev, commandLine: prepare}}
projects:
  - {name: api, git: {remotes: {origin: https://example.com/api.git}}}
events: {postStart: [prepare]}
`

const child = (section: string, more = '') => `schemaVersion: 2.2.0
metadata: {name: below}
parent:
  uri: above.yaml
${section}${more}`

const files = { 'above.yaml': parent }

describe('a parent in the repository', () => {
  test('gives what it has, before what the file adds', async () => {
    const definition = await read(
      child(
        '',
        `
components: [{name: db, container: {image: postgres, mountSources: false}}]
commands:
  - {id: run, exec: {component: dev, commandLine: serve}}
  - {id: all, composite: {commands: [build, run]}}
events: {postStart: [run, prepare], preStop: [run]}
`,
      ),
      { files },
    )
    expect(definition).toMatchObject({
      title: 'below',
      image: 'debian:stable',
      command: ['serve', '--fast'],
      forwardPorts: [80],
      mounts: [{ type: 'volume', source: 'cache', target: '/cache', ofWorkspace: true }],
      repositories: [{ url: 'https://example.com/api.git', folder: '/projects/api' }],
    })
    expect(definition.tasks.map(({ name }) => name)).toEqual(['build', 'prepare', 'run', 'all'])
    expect(definition.services.map(({ name }) => name)).toEqual(['db'])
    expect(definition.lifecycle.postStartCommand).toBe('(\nprepare\n) &&\n(\nserve\n)')
    expect(definition.notApplied).toEqual([])
    expect(definition.preStopCommand).toBeDefined()
  })

  test('is changed by what stands under "parent": fields, and entries of lists by their names', async () => {
    const definition = await read(
      child(`  variables: {tag: "12"}
  components:
    - name: dev
      container:
        memoryRequest: 2Gi
        args: [other]
        env: [{name: B, value: changed}, {name: C, value: three}]
        endpoints: [{name: http, targetPort: 81}, {name: more, targetPort: 82}]
  commands:
    - {id: build, exec: {commandLine: make all, group: {isDefault: false}}}
  projects:
    - {name: api, git: {remotes: {origin: https://example.com/fork.git}}}
`),
      { files },
    )
    expect(definition).toMatchObject({
      image: 'debian:12',
      command: ['other'],
      forwardPorts: [81, 82],
      hostRequirements: { memory: 2 * 1024 ** 3 },
      repositories: [{ url: 'https://example.com/fork.git' }],
    })
    expect(definition.containerEnv).toEqual({
      PROJECTS_ROOT: '/projects',
      PROJECT_SOURCE: '/projects/app',
      A: 'one',
      B: 'changed',
      C: 'three',
    })
    expect(definition.notApplied).toEqual([])
    const build = definition.tasks.find(({ name }) => name === 'build')
    expect(build).toEqual({
      name: 'build',
      automatic: false,
      command: 'make all',
      workingFolder: '/src',
      env: {},
      group: 'build',
    })
  })

  test.each([
    ['  components: [{name: nope, container: {image: x}}]', 'The parent has no component "nope"'],
    ['  commands: [{id: run, exec: {commandLine: x}}]', 'The parent has no command "run"'],
    ['  components: [{container: {image: x}}]', '"name" does not say which'],
    ['components: [{name: dev, container: {image: x}}]', 'The parent has a component "dev" too'],
    [
      'commands: [{id: build, exec: {component: dev, commandLine: x}}]',
      'The parent has a command "build" too',
    ],
    ['  components: [{name: dev, container: {memoryRequest: lots}}]', 'must be an amount'],
    ['  components: [{name: dev, container: {env: [{name: D}]}}]', 'has no "value"'],
    ['  components: {}', 'must be a list'],
    ['  components: [dev]', 'must be an object'],
  ])('refuses %s', async (section, cause) => {
    const problem = await refused(child(`${section}\n`), { files })
    expect(problem.cause).toContain(cause)
    expect(problem.detail).toMatch(/^devfile\.yaml:5:\d+\n/)
    expect(problem.remedy).not.toBe('')
  })

  test('has its mistakes told in its own file', async () => {
    const broken = { 'above.yaml': parent.replace('targetPort: 80', 'targetPort: eighty') }
    expect(await refused(child(''), { files: broken })).toMatchObject({
      title: 'above.yaml has a mistake in line 12',
      detail: expect.stringMatching(/^above\.yaml:12:\d+\n/),
    })
    const syntax = { 'above.yaml': 'schemaVersion: [' }
    expect((await refused(child(''), { files: syntax })).title).toBe('above.yaml has a mistake in line 1')
    const old = { 'above.yaml': 'schemaVersion: 1.0.0' }
    expect((await refused(child(''), { files: old })).code).toBe('definition-unsupported')
  })

  test('may be in another folder, with a Dockerfile beside it', async () => {
    const definition = await read(
      `schemaVersion: 2.2.0
parent: {uri: shared/base/devfile.yaml}
`,
      {
        files: {
          'shared/base/devfile.yaml': `schemaVersion: 2.2.0
parent: {uri: ../top.yaml}
components: [{name: image, image: {imageName: mine, dockerfile: {uri: Dockerfile}}}]`,
          'shared/top.yaml': 'schemaVersion: 2.2.0\ncomponents: [{name: dev, container: {image: mine}}]',
          'shared/base/Dockerfile': 'FROM x',
        },
      },
    )
    expect(definition.build).toEqual({ dockerfile: 'shared/base/Dockerfile', context: '.', args: {} })
  })

  test.each([
    ['uri: ../outside.yaml', 'inside the repository'],
    ['uri: /etc/passwd', 'inside the repository'],
    ['uri: nowhere.yaml', 'there is no file nowhere.yaml'],
    ['uri: file:///etc/passwd', 'http(s) address'],
    ['uri: https://user:word@example.com/', 'without a password'],
    ['uri: ""', 'must be a text'],
    ['uri: devfile.yaml', 'its own parent: devfile.yaml → devfile.yaml'],
    ['id: ../../x', 'name of a devfile'],
    ['id: go, version: newest', 'must be a version'],
    ['id: go, registryUrl: nowhere', 'http(s) address'],
    ['registryUrl: https://example.com', 'must have one of uri, id, kubernetes'],
    ['uri: above.yaml, id: go', 'both "uri" and "id"'],
  ])('is refused with %s', async (parent, cause) => {
    const problem = await refused(`schemaVersion: 2.2.0\nparent: {${parent}}\n`, { files })
    expect(problem.cause).toContain(cause)
    expect(problem.detail).toMatch(/^devfile\.yaml:2:\d+\n/)
  })

  test('must not lead back, nor up without end', async () => {
    const circle = { 'above.yaml': 'schemaVersion: 2.2.0\nparent: {uri: devfile.yaml}' }
    expect((await refused(child(''), { files: circle })).cause).toContain('above.yaml → devfile.yaml')
    const ladder = (steps: number) =>
      Object.fromEntries(
        Array.from({ length: steps }, (_, step) => [
          step === 0 ? 'above.yaml' : `${step}.yaml`,
          `schemaVersion: 2.2.0\n${step + 1 < steps ? `parent: {uri: ${step + 1}.yaml}` : container}`,
        ]),
      )
    expect((await read(child(''), { files: ladder(8) })).image).toBe('debian')
    expect((await refused(child(''), { files: ladder(9) })).cause).toContain('more than 8 parents')
  })

  test('in a cluster is refused, with what to do', async () => {
    const problem = await refused(
      'schemaVersion: 2.2.0\nparent:\n  kubernetes: {name: template, namespace: team}\n',
    )
    expect(problem).toMatchObject({
      code: 'definition-unsupported',
      cause: expect.stringMatching(/^Line 3, column \d+: .*DevWorkspaceTemplate/),
      remedy: expect.stringContaining('"uri" or "id"'),
    })
  })
})

describe('a parent in a cluster', () => {
  const asked: unknown[] = []
  const cluster = (templates: Readonly<Record<string, unknown>>) => ({
    context: {
      fetchTemplate: async (reference: TemplateReference): Promise<TemplateAnswer> => {
        asked.push(reference)
        const found = templates[reference.name]
        if (found !== undefined) return { kind: 'found', text: JSON.stringify(found) }
        return { kind: 'refused', cause: 'There is no such object.', remedy: 'Make it.' }
      },
    },
  })
  const withTemplate = (more = '') =>
    `schemaVersion: 2.2.0\nparent:\n  kubernetes: {name: template, namespace: team}\n${more}`
  const spec = {
    components: [{ name: 'dev', container: { image: 'debian', env: [{ name: 'A', value: '1' }] } }],
    commands: [{ id: 'run', exec: { component: 'dev', commandLine: 'make' } }],
  }

  test('is merged with what is changed of it', async () => {
    const definition = await read(
      withTemplate('  components: [{name: dev, container: {image: alpine}}]\n'),
      cluster({ template: spec }),
    )
    expect(asked.at(-1)).toEqual({ name: 'template', namespace: 'team' })
    expect(definition).toMatchObject({ image: 'alpine', containerEnv: { A: '1' } })
    expect(definition.tasks.map(({ name }) => name)).toEqual(['run'])
    expect(definition.notApplied).toEqual([])
  })

  test('may have a parent itself, but none beside it', async () => {
    const above = cluster({
      template: { parent: { kubernetes: { name: 'above' } } },
      above: spec,
    })
    expect((await read(withTemplate(), above)).image).toBe('debian')
    expect(asked.at(-1)).toEqual({ name: 'above' })
    const beside = cluster({ template: { parent: { uri: './devfile.yaml' } } })
    expect((await refused(withTemplate(), beside)).cause).toContain('http(s) address')
    const circle = cluster({ template: { parent: { kubernetes: { name: 'template', namespace: 'team' } } } })
    expect((await refused(withTemplate(), circle)).cause).toContain('its own parent')
  })

  test('is refused with its place where it is not to be had, or is none', async () => {
    const missing = await refused(withTemplate(), cluster({}))
    expect(missing).toMatchObject({
      code: 'definition-invalid',
      cause: expect.stringMatching(/^Line 3, column \d+: There is no such object\./),
      remedy: 'Make it.',
    })
    const large = { components: [{ name: 'dev', container: { image: 'x'.repeat(300_000) } }] }
    expect((await refused(withTemplate(), cluster({ template: large }))).cause).toContain('256 KiB')
    const odd = await refused(withTemplate(), cluster({ template: { components: 5 } }))
    expect(odd.title).toContain('team/template')
    for (const reference of ['{name: ../x}', '{name: a, namespace: A/b}', '{namespace: team}', '{name: 5}']) {
      const problem = await refused(`schemaVersion: 2.2.0\nparent: {kubernetes: ${reference}}`, cluster({}))
      expect(problem.code).toBe('definition-invalid')
    }
  })
})

describe('a parent elsewhere', () => {
  let server: Server
  let base: string
  const asked: string[] = []
  const pages = new Map<string, string | Buffer>()
  const context = {
    // Whoever answers has the time that it takes.
    fetchText: (address: string, limit: number) =>
      fetchText(address, limit, address.endsWith('/silent') ? { timeout: 1000 } : {}),
  }

  beforeAll(async () => {
    server = createServer((request, response) => {
      const path = request.url ?? ''
      asked.push(path)
      if (path === '/silent') return
      if (path === '/moved') return void response.writeHead(302, { location: '/team/devfile.yaml' }).end()
      if (path === '/loop') return void response.writeHead(302, { location: '/loop' }).end()
      if (path === '/elsewhere') return void response.writeHead(302, { location: 'file:///etc/passwd' }).end()
      if (path === '/endless') {
        const timer = setInterval(() => response.write('#'.repeat(64 * 1024)), 1)
        response.on('close', () => clearInterval(timer))
        return
      }
      const page = pages.get(path)
      response.writeHead(page === undefined ? 404 : 200).end(page)
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  })

  afterAll(async () => {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  })

  beforeEach(() => {
    asked.length = 0
    pages.clear()
    pages.set('/team/devfile.yaml', parent)
  })

  const under = (line: string) => `schemaVersion: 2.2.0\nparent: {${line}}\n`

  test('is fetched from its address, and its own parent relative to that', async () => {
    pages.set('/team/app/devfile.yaml', 'schemaVersion: 2.2.0\nparent: {uri: ../devfile.yaml}\n')
    const definition = await read(under(`uri: "${base}/team/app/devfile.yaml#x"`), { context })
    expect(definition.image).toBe('debian:stable')
    expect(asked).toEqual(['/team/app/devfile.yaml', '/team/devfile.yaml'])
  })

  test('is fetched from a registry by its id, and a version', async () => {
    pages.set('/api/devfiles/go', parent)
    pages.set('/api/devfiles/go/1.2.0', parent.replace('stable', 'old'))
    const registry = `registryUrl: "${base}/api/"`
    expect((await read(under(`id: go, ${registry}`), { context })).image).toBe('debian:stable')
    expect((await read(under(`id: go, version: 1.2.0, ${registry}`), { context })).image).toBe('debian:old')
    expect(asked).toEqual(['/api/devfiles/go', '/api/devfiles/go/1.2.0'])
  })

  test('is looked for in the public registry where none is named', async () => {
    const addresses: string[] = []
    await read(under('id: nodejs'), {
      context: {
        fetchText: async (address) => {
          addresses.push(address)
          return parent
        },
      },
    })
    expect(addresses).toEqual(['https://registry.devfile.io/devfiles/nodejs'])
  })

  test('may have moved', async () => {
    expect((await read(under(`uri: "${base}/moved"`), { context })).image).toBe('debian:stable')
  })

  test('has a Dockerfile that is not in the repository', async () => {
    pages.set(
      '/x',
      'schemaVersion: 2.2.0\ncomponents: [{name: i, image: {imageName: m, dockerfile: {uri: Dockerfile}}}, {name: d, container: {image: m}}]',
    )
    const definition = await read(under(`uri: "${base}/x"`), { context, files: { Dockerfile: 'FROM x' } })
    expect(definition.image).toBe('m')
    expect(reasonOf(definition, 'components.i')).toMatch(/not in the repository/)
  })

  test.each([
    ['/nowhere', '404 Not Found'],
    ['/silent', 'nothing came within 1 s'],
    ['/endless', 'longer than 262144 bytes'],
    ['/loop', 'redirect'],
    ['/elsewhere', ''],
  ])('is refused as unreachable at %s', async (path, reason) => {
    const problem = await refused(under(`uri: "${base}${path}"`), { context })
    expect(problem.cause).toContain(`The parent ${base}${path} cannot be read: `)
    expect(problem.cause).toContain(reason)
    expect(problem.detail).toMatch(/^devfile\.yaml:2:\d+\n/)
    expect(problem.remedy).not.toBe('')
  })

  test('is refused as unreachable where nobody answers, and where nothing can be fetched', async () => {
    const gone = createServer()
    await new Promise<void>((resolve) => gone.listen(0, '127.0.0.1', resolve))
    const { port } = gone.address() as AddressInfo
    await new Promise((resolve) => gone.close(resolve))
    const nobody = await refused(under(`uri: "http://127.0.0.1:${port}/x"`), { context })
    expect(nobody.cause).toMatch(/cannot be read: .*ECONNREFUSED/)
    expect((await refused(under(`uri: "${base}/team/devfile.yaml"`))).cause).toContain(
      'nothing can be fetched here',
    )
    expect(asked).toEqual([])
  })

  test('has its mistakes told by its address', async () => {
    pages.set('/broken', Buffer.from([0xff, 0xfe, 0x00]))
    expect((await refused(under(`uri: "${base}/broken"`), { context })).cause).toContain('not UTF-8')
    pages.set('/bad', `schemaVersion: 2.2.0\ncomponents:\n  - name: A\n`)
    expect(await refused(under(`uri: "${base}/bad"`), { context })).toMatchObject({
      title: `${base}/bad has a mistake in line 3`,
    })
  })

  test('is not waited for when that is cancelled', async () => {
    const cancel = new AbortController()
    setTimeout(() => cancel.abort(), 100)
    const waiting = read(under(`uri: "${base}/silent"`), {
      context: { fetchText: (address, limit) => fetchText(address, limit, { signal: cancel.signal }) },
    })
    await expect(waiting).rejects.toMatchObject({ name: 'AbortError' })
  })

  test('must not lead back to itself', async () => {
    pages.set('/self', `schemaVersion: 2.2.0\nparent: {uri: "${base}/self"}\n`)
    expect((await refused(under(`uri: "${base}/self"`), { context })).cause).toContain('its own parent')
    expect(asked).toEqual(['/self'])
  })
})
