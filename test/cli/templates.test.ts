import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { InitDocument, NewRepositoryDocument, ProblemDocument, TemplatesDocument } from '../../cli/documents'
import { command } from '../harness/command'
import { type CommandLine, commandLine } from './berth'

let berth: CommandLine
/** A repository of templates. */
let house: string

beforeAll(async () => {
  berth = await commandLine()
  house = join(berth.home, 'house')
  const files = {
    'src/own/devcontainer-template.json': JSON.stringify({
      id: 'own',
      version: '2.0.0',
      name: 'House style',
      options: { loud: { type: 'boolean', default: false } },
    }),
    'src/own/.devcontainer.json': '{"image": "alpine", "containerEnv": {"LOUD": "${templateOption:loud}"}}',
    'src/bad/devcontainer-template.json': '{\n  "id": 7\n}',
  }
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(house, path)), { recursive: true })
    await writeFile(join(house, path), text)
  }
  const git = (...args: string[]) => command('git', ['-C', house, ...args], { env: berth.env })
  await git('init', '--quiet')
  await git('add', '--all')
  await git('-c', 'user.name=A', '-c', 'user.email=a@example.com', 'commit', '--quiet', '-m', 'First')
})
afterAll(() => berth?.dispose())

const problemOf = async (...args: string[]) => {
  const { stdout } = await berth.run([...args, '--json'])
  return ProblemDocument.parse(JSON.parse(stdout.toString())).problem
}

describe('berth templates', () => {
  it('shows those that have to do with the words', async () => {
    const { sources } = await berth.json(TemplatesDocument, ['templates', 'python', 'data'])
    expect(sources).toMatchObject([{ key: 'bundled', commit: null, problem: null, faulty: [] }])
    expect(sources[0]?.templates.map(({ id }) => id)).toEqual(['python-streamlit', 'web-postgres'])
    const { code, stdout, stderr } = await berth.run(['templates', 'no-such-thing'])
    expect({ code, stdout: stdout.toString() }).toEqual({ code: 0, stdout: '' })
    expect(stderr).toContain('No template has to do with “no-such-thing”.')
  })

  it('fetches a repository that is named, and tells its mistakes', async () => {
    const { sources } = await berth.json(TemplatesDocument, ['templates', '--from', house])
    const head = (await command('git', ['-C', house, 'rev-parse', 'HEAD'], { env: berth.env })).trim()
    expect(sources).toMatchObject([
      { commit: head, templates: [{ id: 'own', version: '2.0.0' }], faulty: [{ id: 'bad' }] },
    ])
    const { stdout, stderr } = await berth.run(['templates', '--from', house])
    expect(stdout.toString()).toMatch(/^own +House style/m)
    expect(stderr).toContain('src/bad/devcontainer-template.json has a mistake in line 2')
  })
})

describe('berth new', () => {
  it('makes a repository, and says that it is not committed where git knows nobody', async () => {
    const made = await berth.json(NewRepositoryDocument, ['new', 'static-site', '--option', 'title=Tides'])
    expect(made).toMatchObject({ folder: join(berth.home, 'static-site'), commit: null })
    expect(made.uncommitted).toContain('no name')
    expect(await readFile(join(made.folder, 'site/index.html'), 'utf8')).toContain('<title>Tides</title>')
  })

  it('takes one of a repository, with a switch, and commits as the user', async () => {
    await writeFile(join(berth.home, '.gitconfig'), '[user]\nname = Ada\nemail = ada@example.com\n')
    const { code, stdout } = await berth.run(['new', 'own', 'mine', '--from', house, '-o', 'loud=true'])
    const folder = join(berth.home, 'mine')
    expect({ code, stdout: stdout.toString() }).toEqual({ code: 0, stdout: `${folder}\n` })
    expect(await readFile(join(folder, '.devcontainer.json'), 'utf8')).toContain('"LOUD": "true"')
    const log = await command('git', ['-C', folder, 'log', '--format=%an', 'main'], { env: berth.env })
    expect(log.trim()).toBe('Ada')
  })

  it('overwrites nothing, and says what is wrong with a choice', async () => {
    expect(await problemOf('new', 'plain', 'mine')).toMatchObject({ code: 'file-exists' })
    expect(await problemOf('new', 'node', 'x', '-o', 'nodeVersion=1')).toMatchObject({
      code: 'invalid-input',
      remedy: 'Choose one of: 22, 24, 20.',
    })
    expect(await problemOf('new', 'bad', 'x', '--from', house)).toMatchObject({ code: 'definition-invalid' })
    expect(await problemOf('new', 'nothing', 'x')).toMatchObject({ code: 'not-found' })
    expect((await berth.run(['new', 'node', 'x', '-o', 'nodeVersion'])).code).toBe(2)
  })
})

describe('berth init', () => {
  it('proposes a definition, writes it once, and says what it cannot look into', async () => {
    const folder = join(berth.home, 'tool')
    await mkdir(folder)
    await writeFile(join(folder, 'go.mod'), 'module tool\n\ngo 1.24\n')
    const printed = await berth.json(InitDocument, ['init', 'tool', '--print'])
    expect(printed).toMatchObject({ path: null, text: expect.stringContaining('go:1.24') })
    const path = join(folder, '.devcontainer/devcontainer.json')
    expect(await berth.json(InitDocument, ['init', 'tool'])).toMatchObject({ path, text: printed.text })
    expect(await readFile(path, 'utf8')).toBe(printed.text)
    expect(await problemOf('init', 'tool')).toMatchObject({ code: 'file-exists' })
    expect(await problemOf('init', 'missing/tool')).toMatchObject({
      code: 'folder-not-found',
      title: 'There is no folder missing/tool',
    })
    await mkdir(join(berth.home, 'bare'))
    expect(await problemOf('init', 'bare')).toMatchObject({ title: 'There is nothing to propose' })
  })
})

describe('berth up with a template', () => {
  it.each([
    [['up', '--template', 'plain', '--image', 'alpine']],
    [['up', '.', '--template', 'plain', '--detect']],
    [['up', '.', '-o', 'distribution=trixie']],
  ])('refuses what does not go together: %s', async (args) => {
    const { code, stderr } = await berth.run(args)
    expect(code).toBe(2)
    expect(stderr).toContain('--template')
  })
})
