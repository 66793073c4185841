import { describe, expect, it } from 'vitest'
import { Definition, type Problem, ProblemError } from '#contract'
import { readDefinition, withImage } from './index'
import { memoryReader, testContext } from './memory-reader.test-helper'
import type { DefinitionContext } from './reader'

const file = '.devcontainer/devcontainer.json'

async function read(
  text: string,
  context: Partial<DefinitionContext> = {},
  more: Record<string, string> = {},
) {
  const reader = memoryReader({ [file]: text, ...more })
  const { definition } = await readDefinition(reader, { ...testContext, ...context })
  // Whatever is read must be storable.
  expect(Definition.parse(definition)).toEqual(definition)
  return definition
}

async function refused(text: string, more: Record<string, string> = {}): Promise<Problem> {
  const error = await read(text, {}, more).then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  if (!(error instanceof ProblemError)) throw new Error(`Not refused: ${text} (${String(error)})`)
  return error.problem
}

const notApplied = (definition: Definition, field: string) =>
  definition.notApplied.find((entry) => entry.field === field)?.reason

describe('where definitions are found', () => {
  it('takes the default image where there is none, and lists a Dockerfile without using it', async () => {
    const found = await readDefinition(memoryReader({ Dockerfile: 'FROM x', 'src/a.c': '' }), testContext)
    expect(found.definition).toMatchObject({ format: 'default', image: 'debian:bookworm' })
    expect(found.definition.workspaceFolder).toBe('/workspaces/app')
    expect(found.candidates).toEqual(['Dockerfile'])
  })

  it('uses a Dockerfile that was chosen', async () => {
    const { definition } = await readDefinition(
      memoryReader({ 'tools/dev.Dockerfile': 'FROM x' }),
      testContext,
      './tools/dev.Dockerfile',
    )
    expect(definition).toMatchObject({
      format: 'dockerfile',
      build: { dockerfile: 'tools/dev.Dockerfile', context: 'tools' },
    })
    expect(definition.image).toBeUndefined()
  })

  it('prefers .devcontainer/devcontainer.json, then .devcontainer.json, then folders by name', async () => {
    const files = {
      '.devcontainer/b/devcontainer.json': '{"image": "b"}',
      '.devcontainer/a/devcontainer.json': '{"image": "a"}',
      '.devcontainer.json': '{"image": "root"}',
    }
    const first = await readDefinition(memoryReader(files), testContext)
    expect(first.candidates).toEqual([
      '.devcontainer.json',
      '.devcontainer/a/devcontainer.json',
      '.devcontainer/b/devcontainer.json',
    ])
    expect(first.definition.image).toBe('root')
    const chosen = await readDefinition(memoryReader(files), testContext, '.devcontainer/b/devcontainer.json')
    expect(chosen.definition).toMatchObject({ image: 'b', path: '.devcontainer/b/devcontainer.json' })
  })

  it.each(['../x/devcontainer.json', '/etc/devcontainer.json', 'C:\\devcontainer.json', 'a/../../x.json'])(
    'refuses the path %s',
    async (path) => {
      await expect(readDefinition(memoryReader({}), testContext, path)).rejects.toMatchObject({
        problem: { code: 'definition-invalid', cause: 'It lies outside of the source.' },
      })
    },
  )
})

describe('what devcontainer.json may say', () => {
  it('reads every field of this version', async () => {
    const definition = await read(
      `// a comment
      {
        "$schema": "x",
        "name": "My app",
        "image": "node:20",
        "workspaceFolder": "/workspaces/\${localWorkspaceFolderBasename}/web/",
        "containerEnv": { "PORT": 3000, "TOKEN": "\${localEnv:TOKEN}", "WHERE": "\${containerWorkspaceFolder}" },
        "remoteEnv": { "PATH": "\${containerEnv:PATH}:/opt", "GONE": null },
        "remoteUser": "node", "containerUser": "1000:1000",
        "forwardPorts": [3000, "localhost:5000", "db:5432", "3000"],
        "portsAttributes": { "3000": { "label": "App", "onAutoForward": "openBrowser", "lable": 1 }, "4000-4010": {"protocol": "https"}, ".*vite.*": {"elevateIfNeeded": true} },
        "otherPortsAttributes": { "onAutoForward": "ignore" },
        "mounts": [
          "source=cache-\${devcontainerId},target=/cache/,type=volume",
          { "type": "bind", "source": "\${localEnv:HOME}/.ssh", "target": "/home/node/.ssh", "readOnly": true },
          "type=tmpfs,dst=/scratch"
        ],
        "init": true, "overrideCommand": false,
        "onCreateCommand": "npm ci", "postCreateCommand": ["echo", "\${localEnv:TOKEN}"],
        "postStartCommand": { "server": "npm start", "db": ["pg"] , "none": ""},
        "updateContentCommand": "",
        "waitFor": "postCreateCommand",
      }`,
    )
    expect(definition).toMatchObject({
      title: 'My app',
      format: 'devcontainer',
      image: 'node:20',
      workspaceFolder: '/workspaces/app/web',
      remoteUser: 'node',
      containerUser: '1000:1000',
      remoteEnv: { PATH: '$' + '{containerEnv:PATH}:/opt', GONE: null },
      forwardPorts: [3000, 5000],
      otherPortsAttributes: { onAutoForward: 'ignore' },
      init: true,
      overrideCommand: false,
      waitFor: 'postCreateCommand',
    })
    expect(definition.portsAttributes).toEqual({
      '3000': { label: 'App', onAutoForward: 'openBrowser' },
      '4000-4010': { protocol: 'https' },
      '.*vite.*': { elevateIfNeeded: true },
    })
    expect(definition.mounts[0]).toMatchObject({ type: 'volume', target: '/cache' })
    expect(definition.mounts[0]?.source).toMatch(/^cache-[0-9a-v]{52}$/)
    expect(definition.mounts.slice(1)).toEqual([
      { type: 'bind', source: '/home/me/.ssh', target: '/home/node/.ssh', readOnly: true },
      { type: 'tmpfs', target: '/scratch' },
    ])
    expect(definition.lifecycle).toEqual({
      onCreateCommand: 'npm ci',
      postCreateCommand: ['echo', '$' + '{localEnv:TOKEN}'],
      postStartCommand: { server: 'npm start', db: ['pg'] },
    })
    expect(definition.notApplied.map(({ field }) => field)).toEqual([
      'forwardPorts[2]',
      'portsAttributes.3000.lable',
      'portsAttributes..*vite.*.elevateIfNeeded',
    ])
    expect(notApplied(definition, 'portsAttributes.3000.lable')).toContain('did you mean "label"?')
  })

  it('never stores the value of an environment variable that may be a secret', async () => {
    const definition = await read(
      `{"image": "x", "containerEnv": {"A": "\${localEnv:TOKEN}"}, "remoteEnv": {"B": "\${env:TOKEN}"},
        "onCreateCommand": {"c": "login \${localEnv:TOKEN}"}, "build": {"dockerfile": "Dockerfile", "args": {"D": "\${localEnv:TOKEN}"}}}`,
      {},
      { '.devcontainer/Dockerfile': 'FROM x' },
    )
    expect(JSON.stringify(definition)).not.toContain('hunter2')
    expect(definition.containerEnv.A).toBe('$' + '{localEnv:TOKEN}')
  })

  it('lists whatever it does not apply, with a reason', async () => {
    const definition = await read(`{
      "image": "x", "features": {"ghcr.io/devcontainers/features/go:1": {}}, "runArgs": ["--privileged", "--gpus=all"],
      "privileged": true, "customizations": {}, "forwardPort": [1], "nonsense": 1, "postStartCommand": "echo \${nope:x}",
      "initializeCommand": "make"
    }`)
    expect(notApplied(definition, 'features')).toBeUndefined()
    expect(notApplied(definition, 'runArgs[1] --gpus')).toBeUndefined()
    expect(definition.hostRequirements).toEqual({ gpu: 'optional' })
    // Whether a right is given is decided later, by the user.
    expect(notApplied(definition, 'privileged')).toBeUndefined()
    expect(definition.container).toEqual({ rights: [{ kind: 'privileged', value: '' }] })
    expect(notApplied(definition, 'forwardPort')).toBe('unknown field; did you mean "forwardPorts"?')
    expect(notApplied(definition, 'nonsense')).toBe('unknown field')
    expect(notApplied(definition, '$' + '{nope:x}')).toMatch(/no variable/)
    expect(notApplied(definition, 'initializeCommand')).toMatch(/own machine/)
    expect(definition.lifecycle.initializeCommand).toBeUndefined()
  })

  it('runs initializeCommand only for a folder of this machine, and knows where that is', async () => {
    const definition = await read(
      `{"image": "x", "initializeCommand": "make", "mounts": ["type=bind,source=\${localWorkspaceFolder}/d,target=/d"]}`,
      { localFolder: '/home/me/app' },
    )
    expect(definition.lifecycle.initializeCommand).toBe('make')
    expect(definition.mounts).toEqual([{ type: 'bind', source: '/home/me/app/d', target: '/d' }])
  })

  it('leaves out bind mounts of folders that are not there', async () => {
    const text = `{"image": "x", "mounts": ["type=bind,source=\${localWorkspaceFolder}/d,target=/d", "type=bind,source=/a,target=/a"]}`
    const definition = await read(text, { bindMounts: false })
    expect(definition.mounts).toEqual([])
    expect(definition.sourceMounts).toEqual([{ path: 'd', target: '/d' }])
    expect(definition.notApplied.map(({ field }) => field)).toEqual(['mounts[1]'])
  })

  it.each([
    ['${localWorkspaceFolder}', { sourceFolder: '/work' }],
    [
      '${localWorkspaceFolder}/sub',
      { sourceFolder: '/workspaces/app', sourceMounts: [{ path: 'sub', target: '/work' }] },
    ],
    ['/elsewhere', { sourceFolder: '/work' }],
  ])('sees the source where workspaceMount puts %s', async (source, place) => {
    const text = `{"image": "x", "workspaceFolder": "/work/below",
      "workspaceMount": "type=bind,source=${source},target=/work,consistency=cached"}`
    for (const localFolder of [undefined, '/home/me/app']) {
      const definition = await read(text, localFolder === undefined ? {} : { localFolder })
      expect(definition).toMatchObject({ workspaceFolder: '/work/below', ...place })
      expect(definition.notApplied.map(({ field }) => field)).toEqual(
        source === '/elsewhere' ? ['workspaceMount'] : [],
      )
    }
  })

  it.each([
    ['/app', ['workspaceFolder']],
    ['/workspaces/app/below', []],
    ['/workspaces', []],
  ])('leaves to the image a folder that nothing puts the source in: %s', async (workspaceFolder, named) => {
    const definition = await read(JSON.stringify({ image: 'x', workspaceFolder }))
    expect(definition.notApplied.map(({ field }) => field)).toEqual(named)
    expect(definition.workspaceFolder).toBe(workspaceFolder)
    expect(definition.sourceFolder).toBe(named.length > 0 ? '/workspaces/app' : undefined)
  })

  it('leaves it to the image too where workspaceMount is empty', async () => {
    const definition = await read('{"image": "x", "workspaceFolder": "/app", "workspaceMount": ""}')
    expect(definition).toMatchObject({ workspaceFolder: '/app', sourceFolder: '/workspaces/app' })
  })

  it('reads a build, in the new form and the old', async () => {
    const more = { '.devcontainer/Dockerfile': 'FROM x', 'docker/Dockerfile.dev': 'FROM x' }
    const plain = await read('{"build": {"dockerfile": "Dockerfile"}}', {}, more)
    expect(plain.build).toEqual({
      dockerfile: '.devcontainer/Dockerfile',
      context: '.devcontainer',
      args: {},
    })
    const full = await read(
      '{"build": {"dockerfile": "../docker/Dockerfile.dev", "context": "..", "args": {"A": 1}, "target": "dev", "cacheFrom": "x", "options": ["--x"]}}',
      {},
      more,
    )
    expect(full.build).toEqual({
      dockerfile: 'docker/Dockerfile.dev',
      context: '.',
      args: { A: '1' },
      target: 'dev',
      cacheFrom: ['x'],
    })
    expect(notApplied(full, 'build.options[0]')).toContain('--x')
    const old = await read('{"dockerFile": "Dockerfile", "context": "..", "image": "y"}', {}, more)
    expect(old.build).toEqual({ dockerfile: '.devcontainer/Dockerfile', context: '.', args: {} })
    expect(old.image).toBeUndefined()
    expect(notApplied(old, 'image')).toMatch(/wins/)
  })

  it('uses the default image where the file names none, and says so', async () => {
    const definition = await read('{"postCreateCommand": "make"}')
    expect(definition.image).toBe('debian:bookworm')
    expect(definition.imageIsDefault).toBe(true)
    expect(definition.notApplied).toEqual([])
    expect(withImage(definition, 'alpine').imageIsDefault).toBeUndefined()
  })
})

describe('what it must not say', () => {
  it('tells the place of a mistake in the syntax', async () => {
    const problem = await refused('{\n  "image": "x"\n  "init": true\n}')
    expect(problem).toMatchObject({
      code: 'definition-invalid',
      title: `${file} has a mistake in line 3`,
      cause: 'Line 3, column 3: A comma is missing before "\\"init\\"".',
    })
    expect(problem.detail).toBe(`${file}:3:3\n  "init": true\n  ^`)
  })

  it.each([
    ['{"image": 5}', '"image" must be a string, not the number 5.'],
    ['{"image": ""}', '"image" must be the name of an image, not "".'],
    ['{"image": "a\\u0000b"}', '"image" must be a text without NUL characters'],
    ['{"image": "../x"}', '"image" must be the name of an image, not "../x".'],
    ['{"forwardPorts": {}}', '"forwardPorts" must be a list, not an object.'],
    [
      '{"forwardPorts": [70000]}',
      '"forwardPorts[0]" must be a port number from 1 to 65535, not the number 70000.',
    ],
    ['{"forwardPorts": ["web"]}', '"forwardPorts[0]" must be a port number or "host:port", not "web".'],
    [
      '{"portsAttributes": {"1": {"protocol": "htps"}}}',
      '"portsAttributes.1.protocol" must be one of http, https, tcp, not "htps".',
    ],
    ['{"portsAttributes": {"(": {}}}', 'regular expression'],
    ['{"init": "yes"}', '"init" must be true or false, not "yes".'],
    ['{"mounts": ["source=x"]}', 'absolute target'],
    ['{"mounts": ["type=bind,source=x,target=/x"]}', 'absolute source'],
    ['{"workspaceFolder": "app"}', 'absolute path'],
    ['{"workspaceFolder": "/"}', 'absolute path'],
    ['{"remoteUser": "a b"}', 'name or number of a user'],
    ['{"containerEnv": {"A": []}}', '"containerEnv.A" must be a string, not a list.'],
    ['{"containerEnv": {"A=B": "x"}}', 'under a name without'],
    ['{"postCreateCommand": 7}', '"postCreateCommand" must be a command, not the number 7.'],
    ['{"waitFor": "postcreateCommand"}', 'must be one of'],
    ['{"build": {"dockerfile": "Nope"}}', 'there is no .devcontainer/Nope'],
    ['{"build": {"dockerfile": "../../x"}}', 'inside the repository'],
    ['{"build": {"dockerfile": "/etc/passwd"}}', 'inside the repository'],
    ['{"build": {}}', 'does not say which Dockerfile'],
    ['[]', 'The file must hold one object, not a list.'],
    ['', 'The file is empty.'],
    ['// nothing', 'The file is empty.'],
    ['{"a": "b', 'A string is not closed.'],
    ['{"a": 1} x', '"x" does not belong here.'],
    [`${'['.repeat(100)}`, 'nested'],
  ])('refuses %s', async (text, cause) => {
    const problem = await refused(text)
    expect(problem.code).toBe('definition-invalid')
    expect(problem.cause).toContain(cause)
    expect(problem.cause).toMatch(/^Line \d+, column \d+: /)
  })

  it('says what to do about every mistake', async () => {
    const deep = `${'{"a":'.repeat(100)}1${'}'.repeat(100)}`
    for (const text of ['{"image": 5}', '{"init": "yes"}', '{"forwardPorts": {}}', '{"a": 00}', deep, '[]'])
      expect((await refused(text)).remedy, text).not.toBe('')
  })

  it('says that a folder in the place of the file is none', async () => {
    const reader = memoryReader({ [`${file}/inside`]: '' })
    await expect(readDefinition(reader, testContext)).rejects.toMatchObject({
      problem: { code: 'definition-invalid', title: `${file} is not a file` },
    })
  })

  it('suggests what was meant', async () => {
    expect((await refused('{"waitFor": "postcreateCommand"}')).remedy).toBe(
      'Did you mean "postCreateCommand"?',
    )
  })

  it('says that a Compose file is not there', async () => {
    const problem = await refused('{"dockerComposeFile": "compose.yml", "service": "app"}')
    expect(problem.code).toBe('definition-invalid')
    expect(problem.cause).toContain('Line 1, column 23: ')
    expect(problem.cause).toContain('there is no .devcontainer/compose.yml')
  })

  it('answers any mutilated file with a definition or a Problem, and quickly', async () => {
    const whole = `{"name": "x", "image": "node:20", // c
      "forwardPorts": [3000, "db:1"], "portsAttributes": {"3000": {"label": "A"}}, "mounts": ["type=tmpfs,target=/t"],
      "remoteEnv": {"A": null, "__proto__": "y"}, "postStartCommand": {"a": ["b"]}, "build": {"dockerfile": "Dockerfile"}}`
    const pieces = [
      '{',
      '}',
      '[',
      ']',
      ',',
      '"',
      ':',
      'null',
      '\\u',
      '/*',
      '9e999',
      '$' + '{localEnv:',
      '\0',
      '__proto__',
    ]
    let seed = 7
    const random = (below: number) => {
      seed = (seed * 1103515245 + 12345) % 2147483648
      return seed % below
    }
    for (let round = 0; round < 3000; round++) {
      const from = random(whole.length)
      const text = whole.slice(0, from) + pieces[random(pieces.length)] + whole.slice(from + random(12))
      await read(text, {}, { '.devcontainer/Dockerfile': '' }).catch((error: unknown) => {
        if (!(error instanceof ProblemError)) throw new Error(`${text}\n${String(error)}`)
      })
    }
  })
})
