import { describe, expect, it } from 'vitest'
import { type Problem, ProblemError } from '#contract'
import { memoryReader, testContext } from '../memory-reader.test-helper'
import { readDevcontainer } from './read'

const path = '.devcontainer/devcontainer.json'

const readText = (text: string | Uint8Array) => {
  const bytes = typeof text === 'string' ? new TextEncoder().encode(text) : text
  const reader = memoryReader({ '.devcontainer/Dockerfile': 'FROM debian' })
  return readDevcontainer(
    path,
    { ...reader, read: async (wanted, limit) => (wanted === path ? bytes : reader.read(wanted, limit)) },
    testContext,
  )
}
const read = (fields: Record<string, unknown>) => readText(JSON.stringify({ image: 'debian', ...fields }))

async function refused(text: string | Uint8Array): Promise<Problem> {
  const error = await readText(text).catch((thrown: unknown) => thrown)
  if (!(error instanceof ProblemError)) throw new Error(`Not refused: ${String(error)}`)
  return error.problem
}

describe('a devcontainer.json of the world', () => {
  it('may say nothing by an empty text, as it does to other tools', async () => {
    const plain = await read({})
    const empty = {
      name: '',
      remoteUser: '',
      containerUser: '',
      workspaceFolder: '',
      waitFor: '',
      userEnvProbe: '',
    }
    expect(await read(empty)).toEqual({ ...plain, notApplied: [] })
  })

  it('may write numbers and truths as texts, a name as a number, and one thing without its list', async () => {
    const definition = await read({
      name: 3,
      init: 'true',
      privileged: 'False',
      hostRequirements: { cpus: '4', memory: '8 GB' },
      forwardPorts: '3000',
      portsAttributes: { '3000': { label: 1 } },
      features: { 'ghcr.io/devcontainers/features/node:1': null },
      customizations: { vscode: { extensions: 'ms-python.python' }, jetbrains: {} },
    })
    expect(definition).toMatchObject({
      title: '3',
      init: true,
      hostRequirements: { cpus: 4, memory: 8 * 2 ** 30 },
      forwardPorts: [3000],
      portsAttributes: { '3000': { label: '1' } },
      features: [{ reference: 'ghcr.io/devcontainers/features/node:1', options: {} }],
      customizations: { vscode: { extensions: ['ms-python.python'] } },
      notApplied: [],
    })
    expect(definition.container).toBeUndefined()
    expect((await read({ customizations: { vscode: [] } })).notApplied).toEqual([])
  })

  it('may write ports as Docker publishes them: the second number is that of the workspace', async () => {
    const { forwardPorts, notApplied } = await read({ forwardPorts: ['3000:3000', '8080:80', 5000] })
    expect(forwardPorts).toEqual([3000, 80, 5000])
    expect(notApplied).toEqual([
      {
        field: 'forwardPorts[1]',
        reason: 'port 80 is forwarded, under the number that is free on your machine',
      },
    ])
  })

  it('may want graphics processors as docker run is told of them', async () => {
    expect((await read({ runArgs: ['--gpus', 'all'] })).hostRequirements).toEqual({ gpu: 'optional' })
    expect(
      (await read({ runArgs: ['--gpus=all'], hostRequirements: { cpus: 2, gpu: true } })).hostRequirements,
    ).toEqual({ cpus: 2, gpu: 'required' })
    expect((await read({ runArgs: ['--gpus=0'] })).hostRequirements).toBeUndefined()
  })

  it('may want graphics processors in words of its own', async () => {
    const gpu = async (written: unknown) =>
      (await read({ hostRequirements: { gpu: written } })).hostRequirements
    expect(await gpu('true')).toEqual({ gpu: 'required' })
    expect(await gpu('required')).toEqual({ gpu: 'required' })
    expect(await gpu('false')).toBeUndefined()
  })

  it('may say something of any port, which no tool takes for one', async () => {
    const { portsAttributes, notApplied } = await read({
      portsAttributes: { '*': { onAutoForward: 'silent' }, '80': { label: 'Web' } },
    })
    expect(portsAttributes).toEqual({ '80': { label: 'Web' } })
    expect(notApplied).toEqual([
      {
        field: 'portsAttributes.*',
        reason: 'it is no regular expression; for all other ports there is otherPortsAttributes',
      },
    ])
  })

  it('may name a group beside the remote user, which has those of the image', async () => {
    const { remoteUser, notApplied } = await read({ remoteUser: '1000:100' })
    expect(remoteUser).toBe('1000')
    expect(notApplied).toEqual([
      {
        field: 'remoteUser',
        reason: 'the user is applied; its groups are those that the image gives it',
      },
    ])
  })

  it('may begin the paths of a build with the folder of the source, and leave its target empty', async () => {
    const folder = '$' + '{localWorkspaceFolder}'
    const { build, notApplied } = await read({
      image: undefined,
      build: { dockerfile: `${folder}/.devcontainer/Dockerfile`, context: folder, target: '' },
    })
    expect(build).toEqual({ dockerfile: '.devcontainer/Dockerfile', context: '.', args: {} })
    expect(notApplied).toEqual([])
    for (const outside of [`${folder}/../x`, `${folder}x/Dockerfile`, `a/${folder}`])
      expect((await refused(JSON.stringify({ build: { dockerfile: outside } }))).cause).toContain(
        '"build.dockerfile" must be',
      )
  })

  it("may have options that are Podman's alone", async () => {
    const { container, notApplied } = await read({
      runArgs: ['--ulimit=host', '--security-opt=unmask=/sys/fs/cgroup', '--userns=keep-id'],
    })
    expect(container).toBeUndefined()
    expect(notApplied.map(({ reason }) => reason)).toEqual([
      'it is of Podman; limits are named one by one',
      'unmask is a security option of Podman',
      'users are numbered as the engine does it',
    ])
  })

  it('may leave a list in the place of an object that says nothing', async () => {
    const plain = await read({})
    const empty = {
      containerEnv: [],
      customizations: [],
      features: [],
      hostRequirements: [],
      portsAttributes: [],
      remoteEnv: [],
      secrets: [],
      settings: [],
      postCreateCommand: false,
    }
    expect(await read(empty)).toEqual(plain)
  })

  it('may write sizes as people do', async () => {
    const memory = async (size: string) =>
      (await read({ hostRequirements: { memory: size } })).hostRequirements
    expect(await memory('8GiB')).toEqual({ memory: 8 * 2 ** 30 })
    expect(await memory(' 1.5 gb ')).toEqual({ memory: 1.5 * 2 ** 30 })
    expect(await memory('512B')).toEqual({ memory: 512 })
  })

  it('has what hangs on a variable of another machine named, and the rest applied', async () => {
    const unset = (name: string) => ['$', '{localEnv:', name, '}'].join('')
    const { remoteUser, containerUser, mounts, container, forwardPorts, notApplied } = await read({
      remoteUser: unset('NOBODY_HAS_IT'),
      containerUser: 'dev',
      mounts: [
        `source=${unset('NOBODY_HAS_IT')},target=/agent,type=bind`,
        { source: unset('NOBODY_HAS_IT'), target: '/agent', type: 'bind' },
        'type=volume,source=cache,target=/cache',
      ],
      runArgs: [
        `--user=${unset('NOBODY_HAS_IT')}:${unset('NOBODY_HAS_IT')}`,
        `--device=${unset('NOBODY_HAS_IT')}`,
        '--publish',
        `${unset('NOBODY_HAS_IT')}:${unset('NOBODY_HAS_IT')}`,
        '--shm-size=1g',
      ],
    })
    expect({ remoteUser, containerUser, mounts, container, forwardPorts }).toEqual({
      containerUser: 'dev',
      mounts: [{ type: 'volume', source: 'cache', target: '/cache' }],
      container: { rights: [], shmSize: 2 ** 30 },
      forwardPorts: [],
    })
    expect(notApplied.map(({ field }) => field)).toEqual([
      'mounts[0]',
      'mounts[1]',
      'runArgs[0] --user',
      'runArgs[1] --device',
      'runArgs[3] --publish',
      'remoteUser',
    ])
    for (const { reason } of notApplied) expect(reason).toContain('that your environment does not have')
    // Nothing at all is a mistake still.
    expect((await refused('{"image": "x", "runArgs": ["--user="]}')).cause).toContain(
      'name or number of a user',
    )
    expect((await refused('{"image": "x", "mounts": ["type=bind,target=/x"]}')).cause).toContain(
      'absolute source',
    )
  })

  it('is told what is there twice', async () => {
    const { image, notApplied } = await readText('{"image": "a", "image": "b", "mounts": []}')
    expect(image).toBe('b')
    expect(notApplied).toEqual([{ field: 'image', reason: 'it is there twice, and the last one counts' }])
  })

  it('may have a build without a Dockerfile beside an image, and build arguments without a value', async () => {
    const { image, notApplied } = await read({ build: { context: '..' } })
    expect(image).toBe('debian')
    expect(notApplied).toEqual([
      { field: 'build', reason: 'it names no "dockerfile", and the image is taken' },
    ])
    const built = await readText('{"build": {"dockerfile": "Dockerfile", "args": {"A": null, "B": 1}}}')
    expect(built.build?.args).toEqual({ B: '1' })
    expect(built.notApplied.map(({ field }) => field)).toEqual(['build.args.A'])
  })
})

describe('a mistake in a devcontainer.json', () => {
  it.each([
    [
      '{"build": {"dockerFile": "x"}}',
      'Line 1, column 11: "build" does not say which',
      'Write "dockerfile" instead of "dockerFile".',
    ],
    [
      '{"build": {}}',
      'Line 1, column 11: "build" does not say which',
      'Write, for example, "build": {"dockerfile": "Dockerfile"}; the path is relative to this file.',
    ],
    [
      '"features": {}\n{}',
      'Line 1, column 1: The file must begin with {, and begins with a string.',
      'Put all settings between { and }.',
    ],
    ['{\n  # image\n}', 'Line 2, column 3: A comment does not begin with # here.', 'Begin comments with //.'],
    [
      '{"image": "debian", "postCreateCommand": "a\\u0000b"}',
      'Line 1, column 42: "postCreateCommand" must be a text without NUL',
      `Correct line 1 of ${path}, and try again.`,
    ],
  ])('%s is told in plain words', async (text, cause, remedy) => {
    const problem = await refused(text)
    expect(problem.cause).toContain(cause)
    expect(problem.remedy).toBe(remedy)
  })

  it('of the encoding is told with its place', async () => {
    const latin = Uint8Array.from(Buffer.from('{\n  "name": "é\xe9",\n}', 'latin1'))
    expect(await refused(latin)).toMatchObject({
      cause: 'Line 2, column 12: The file is not UTF-8 text.',
      remedy: `Save ${path} as UTF-8.`,
    })
    const mixed = new Uint8Array([...Buffer.from('{"name":\n"é\ufffd'), 0xe9, ...Buffer.from('"}')])
    expect((await refused(mixed)).cause).toBe('Line 2, column 3: The file is not UTF-8 text.')
  })

  it('that names what every object of JavaScript has finds nothing there', async () => {
    const name = ['constructor', '__proto__', 'toString']
      .map((one) => ['$', '{localEnv:', one, ':none}'].join(''))
      .join(' ')
    expect((await read({ name })).title).toBe('none none none')
  })

  it('that is made of beginnings of variables takes no longer than others', async () => {
    // Gone through to its end from each of them, the text takes an hour.
    const name = '$' + '{localEnv:a:'
    const { title } = await readText(JSON.stringify({ image: 'x', name: name.repeat(60_000) }))
    expect(title).toContain(name)
    const last = await read({ name: `${name.repeat(3)}b} ${name}c$d}` })
    expect(last.title).toBe(`${name.repeat(2)}b c$d`)
  })
})
