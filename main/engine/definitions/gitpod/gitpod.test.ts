import { describe, expect, test } from 'vitest'
import type { Definition } from '#contract'
import { readDefinition } from '../index'
import { memoryReader, testContext } from '../memory-reader.test-helper'
import { file, read, refused } from './read.test-helper'

const reason = (definition: Definition, field: string) =>
  definition.notApplied.find((entry) => entry.field === field)?.reason

describe('where .gitpod.yml is found', () => {
  test('comes after devcontainer.json and before nothing at all', async () => {
    const both = { [file]: 'image: a', '.gitpod.yaml': 'image: b', Dockerfile: '' }
    expect((await readDefinition(memoryReader(both), testContext)).candidates).toEqual([
      '.gitpod.yml',
      '.gitpod.yaml',
      'Dockerfile',
    ])
    const found = await readDefinition(
      memoryReader({ ...both, '.devcontainer.json': '{"image": "c"}' }),
      testContext,
    )
    expect(found.definition).toMatchObject({ format: 'devcontainer', image: 'c' })
  })

  test.each(['.gitpod.yaml', 'tools/.gitpod.yml', 'dev.gitpod.yml'])(
    'reads %s where it was chosen',
    async (path) => {
      const { definition } = await readDefinition(memoryReader({ [path]: 'image: b' }), testContext, path)
      expect(definition).toMatchObject({ format: 'gitpod', path, image: 'b' })
    },
  )

  test('says that a folder in the place of the file is none, and that there is none', async () => {
    await expect(readDefinition(memoryReader({ [`${file}/inside`]: '' }), testContext)).rejects.toMatchObject(
      { problem: { title: `${file} is not a file` } },
    )
    await expect(readDefinition(memoryReader({}), testContext, file)).rejects.toMatchObject({
      problem: { title: `There is no ${file}` },
    })
  })
})

describe('what .gitpod.yml may say', () => {
  test('has tasks in the source’s own folder', async () => {
    const { tasks } = await read('{workspaceLocation: ., tasks: [{command: make}]}')
    expect(tasks[0]?.workingFolder).toBe('/workspaces/app')
    expect((await read('tasks: [{command: make}]')).tasks[0]?.workingFolder).toBeUndefined()
  })

  test('is read in whole', async () => {
    const definition = await read(
      `
image:
  file: docker/dev.Dockerfile
  context: .
checkoutLocation: src/app
workspaceLocation: src
env: { MODE: dev, LEVEL: 3, DEBUG: true, HOME_OF: "\${localEnv:HOME}" }
tasks:
  - name: Server
    before: export A=1
    init: |
      npm ci
      npm run build
    command: npm start
    env: { PORT: 3000, ON: false, LIST: [1, a] }
    openMode: split-right
  - command: tail -f log
ports:
  - port: 3000
    name: Web
    onOpen: open-browser
    protocol: https
  - port: 4000-4010
    onOpen: open-preview
  - port: "5000:5005"
    onOpen: ignore
  - { port: "8080", description: The API }
  - { port: 9229, onOpen: ignore-completely }
  - { port: 80, onOpen: notify, visibility: private }
additionalRepositories:
  - url: https://github.com/owner/api.git
  - url: https://gitlab.com/group/sub/web/-/tree/feature/x
    checkoutLocation: front/web
  - url: git@example.com:owner/tools.git
vscode:
  extensions: [dbaeumer.vscode-eslint, "ms-python.python@2019.5.18875:abc=="]
jetbrains:
  plugins: [org.rust.lang]
  goland: { plugins: [com.example, org.rust.lang], vmoptions: -Xmx4g, prebuilds: { version: stable } }
`,
      { 'docker/dev.Dockerfile': 'FROM x' },
    )
    expect(definition).toMatchObject({
      title: '',
      format: 'gitpod',
      path: file,
      build: { dockerfile: 'docker/dev.Dockerfile', context: '.', args: {} },
      workspaceFolder: '/workspaces/src',
      sourceFolder: '/workspaces/src/app',
      containerEnv: { MODE: 'dev', LEVEL: '3', DEBUG: 'true', HOME_OF: '$' + '{localEnv:HOME}' },
      tasks: [
        {
          name: 'Server',
          automatic: true,
          before: 'export A=1',
          init: 'npm ci\nnpm run build\n',
          command: 'npm start',
          workingFolder: '/workspaces/src/app',
          env: { PORT: '3000', ON: 'false', LIST: '[1,"a"]' },
          openMode: 'split-right',
        },
        { name: 'Task 2', automatic: true, command: 'tail -f log', env: {} },
      ],
      forwardPorts: [3000, 8080, 80],
      portsAttributes: {
        3000: { label: 'Web', onAutoForward: 'openBrowser', protocol: 'https' },
        '4000-4010': { onAutoForward: 'openPreview' },
        '5000-5005': { onAutoForward: 'silent' },
        8080: { label: 'The API' },
        9229: { onAutoForward: 'ignore' },
        80: { onAutoForward: 'notify' },
      },
      repositories: [
        { url: 'https://github.com/owner/api.git', folder: '/workspaces/api' },
        { url: 'https://gitlab.com/group/sub/web', ref: 'feature/x', folder: '/workspaces/front/web' },
        { url: 'git@example.com:owner/tools.git', folder: '/workspaces/tools' },
      ],
      customizations: {
        vscode: { extensions: ['dbaeumer.vscode-eslint', 'ms-python.python'], settings: {} },
        jetbrains: { plugins: ['org.rust.lang', 'com.example'] },
      },
    })
    expect(definition.image).toBeUndefined()
    expect(definition.notApplied.map(({ field }) => field)).toEqual([
      'vscode.extensions[1]',
      'jetbrains.goland.vmoptions',
      'jetbrains.goland.prebuilds',
    ])
  })

  test('takes an image by its name, or the default one', async () => {
    const named = await read('image: gitpod/workspace-full\n')
    expect(named.image).toBe('gitpod/workspace-full')
    expect(named.imageIsDefault).toBeUndefined()
    const none = await read('tasks: []\n')
    expect(none).toMatchObject({ image: 'debian:bookworm', imageIsDefault: true })
    expect(none.notApplied).toEqual([])
  })

  test('builds beside the Dockerfile where no context is named', async () => {
    const { build } = await read('image: {file: ./docker/Dockerfile}\n', { 'docker/Dockerfile': '' })
    expect(build).toEqual({ dockerfile: 'docker/Dockerfile', context: 'docker', args: {} })
    expect(
      (await read('image: {file: .gitpod.Dockerfile}\n', { '.gitpod.Dockerfile': '' })).build?.context,
    ).toBe('.')
  })

  test('takes what has no value for absent', async () => {
    const definition = await read(
      'image:\ntasks:\nports:\n  -\nenv: { A: }\nvscode:\njetbrains: { goland: }\ncheckoutLocation:\nadditionalRepositories: [null]\ngithub:\n',
    )
    expect(definition).toMatchObject({ imageIsDefault: true, tasks: [], forwardPorts: [], containerEnv: {} })
    expect(definition.notApplied).toEqual([])
    expect((await read('tasks:\n  - init:\n    command: make\n    env:\n')).tasks).toEqual([
      { name: 'Task 1', automatic: true, command: 'make', env: {} },
    ])
  })

  test.each([
    ['', '/workspaces/app', undefined],
    ['workspaceLocation: .', '/workspaces', '/workspaces/app'],
    ['workspaceLocation: /', '/workspaces', '/workspaces/app'],
    ['workspaceLocation: app/web', '/workspaces/app/web', '/workspaces/app'],
    ['workspaceLocation: /workspace/app/web/', '/workspaces/app/web', '/workspaces/app'],
    ['workspaceLocation: app/dev.code-workspace', '/workspaces/app', undefined],
    ['checkoutLocation: code', '/workspaces/code', undefined],
    ['checkoutLocation: .', '/workspaces/app', undefined],
    ['checkoutLocation: "src/github.com/owner/app"', '/workspaces/src/github.com/owner/app', 'same'],
    ['{checkoutLocation: a/b, workspaceLocation: .}', '/workspaces', '/workspaces/a/b'],
    ['{checkoutLocation: a/../b/./c, workspaceLocation: b/c/..}', '/workspaces/b', '/workspaces/b/c'],
  ])('places the source: %s', async (text, folder, source) => {
    const definition = await read(text === '' ? 'tasks: []' : text)
    expect(definition.workspaceFolder).toBe(folder)
    expect(definition.sourceFolder).toBe(source === 'same' ? folder : source)
  })

  test('gives each task a name of its own', async () => {
    const { tasks } = await read(
      'tasks: [{name: Web, command: a}, {command: b}, {name: Web, command: c}, {name: " two\\n lines ", command: d}, {name: 7}, {name: Web 2, command: e}]',
    )
    expect(tasks.map(({ name }) => name)).toEqual(['Web', 'Task 2', 'Web 2', 'two lines', '7', 'Web 2 2'])
  })

  test('says beside which other terminal a task opens', async () => {
    const modes = ['tab-before', 'split-top', 'split-bottom', 'split-left', 'split-right'] as const
    const definition = await read(
      `tasks: [{command: a}, ${modes.map((mode) => `{command: b, openMode: ${mode}}`).join(', ')}]`,
    )
    expect(definition.tasks.map(({ openMode }) => openMode)).toEqual([undefined, ...modes])
    expect(definition.notApplied).toEqual([])
  })

  test('takes the first of two that speak of one port', async () => {
    const definition = await read('ports: [{port: 80, name: A}, {port: 80, name: B}]')
    expect(definition.portsAttributes).toEqual({ 80: { label: 'A' } })
    expect(definition.forwardPorts).toEqual([80])
    expect(reason(definition, 'ports[1]')).toMatch(/first counts/)
  })

  test.each([
    ['https://github.com/owner/api/', 'https://github.com/owner/api', 'api', undefined],
    ['https://github.com/owner/api#next', 'https://github.com/owner/api', 'api', 'next'],
    ['https://github.com/owner/api/tree/a/b/', 'https://github.com/owner/api', 'api', 'a/b'],
    ['https://github.com/owner/api/commit/0123abc', 'https://github.com/owner/api', 'api', '0123abc'],
    ['https://github.com/owner/api/pull/7', 'https://github.com/owner/api', 'api', undefined],
    [
      'ssh://git@example.com:2222/owner/api.git',
      'ssh://git@example.com:2222/owner/api.git',
      'api',
      undefined,
    ],
    ['https://me:secret@example.com/api', 'https://example.com/api', 'api', undefined],
    ['https://example.com/%2e%2e', 'https://example.com/..', undefined, undefined],
  ])('clones %s', async (written, url, name, ref) => {
    const text = `additionalRepositories: [{url: "${written}"}]`
    if (name === undefined) {
      expect((await refused(text)).cause).toContain('must be the address of a git repository')
      return
    }
    const { repositories } = await read(text)
    expect(repositories).toEqual([{ url, folder: `/workspaces/${name}`, ...(ref ? { ref } : {}) }])
  })

  test('keeps no credentials of an address', async () => {
    const definition = await read('additionalRepositories: [{url: "https://token:hunter2@example.com/api"}]')
    expect(JSON.stringify(definition)).not.toMatch(/hunter2|token/)
    expect(reason(definition, 'additionalRepositories[0].url')).toMatch(/not used/)
  })

  test('does not clone over the source', async () => {
    const definition = await read('additionalRepositories: [{url: "https://example.com/app"}]')
    expect(definition.repositories).toEqual([])
    expect(reason(definition, 'additionalRepositories[0]')).toMatch(/the source is in its folder/)
  })

  test('lists whatever is not applied, with a reason', async () => {
    const definition = await read(
      `
github: { prebuilds: { master: true } }
gitConfig: { core.eol: lf }
mainConfiguration: https://github.com/owner/main
coreDump: { enabled: true }
experimentalNetwork: true
idea: 1
taks: []
image: { file: Dockerfile, contxt: . }
ports: [{ port: 1, visibility: public, name: A, description: B, onOpn: notify }]
tasks:
  - { prebuild: make }
  - { command: "gp open a; gp url 80; echo $GITPOD_WORKSPACE_URL", openIn: main, prebuild: x, comand: y }
vscode: { extension: [a.b], extensions: [ "https://example.com/a.vsix" ] }
jetbrains: { golang: {}, goland: { plugin: [] } }
workspaceLocation: app/a.code-workspace
checkoutLocation: .
additionalRepositories: [{ url: "https://example.com/b", checkoutLocaton: c }]
`,
      { Dockerfile: '' },
    )
    const told = Object.fromEntries(definition.notApplied.map((entry) => [entry.field, entry.reason]))
    expect(Object.keys(told).sort()).toEqual(
      [
        'additionalRepositories[0].checkoutLocaton',
        'checkoutLocation',
        'coreDump',
        'experimentalNetwork',
        'gitConfig',
        'github',
        'idea',
        'image.contxt',
        'jetbrains.goland.plugin',
        'jetbrains.golang',
        'mainConfiguration',
        'ports[0].description',
        'ports[0].onOpn',
        'ports[0].visibility',
        'taks',
        'tasks[0]',
        'tasks[0].prebuild',
        'tasks[1].comand',
        'tasks[1].command',
        'tasks[1].openIn',
        'tasks[1].prebuild',
        'vscode.extension',
        'vscode.extensions[0]',
        'workspaceLocation',
      ].sort(),
    )
    expect(told.taks).toBe('unknown field; did you mean "tasks"?')
    expect(told.idea).toBe('unknown field')
    expect(told['image.contxt']).toContain('"context"')
    expect(told['jetbrains.golang']).toContain('"goland"')
    expect(definition.notApplied.filter(({ field }) => field === 'tasks[1].command')).toHaveLength(3)
    expect(definition.tasks).toHaveLength(1)
  })

  test('does not take what only looks like it for Gitpod’s own', async () => {
    const definition = await read(
      'tasks: [{command: "cd /workspaces/app && x/gp url && gpg url && cd ./workspace && gp-url && ls /srv/workspace"}]',
    )
    expect(definition.notApplied).toEqual([])
  })

  test('begins no more terminals than a person can look at', async () => {
    const { tasks, notApplied } = await read(`tasks:\n${'  - command: x\n'.repeat(40)}`)
    expect(tasks).toHaveLength(40)
    expect(tasks.filter(({ automatic }) => automatic)).toHaveLength(32)
    expect(notApplied).toHaveLength(8)
  })
})
