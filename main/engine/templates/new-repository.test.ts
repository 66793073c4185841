import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { bundledTemplates, ProblemError } from '#contract'
import { nodeProcesses } from '../platform/node-processes'
import { described, TemplateMachine } from './machine.test-helper'

const never = new AbortController().signal
let machine: TemplateMachine
beforeEach(() => {
  machine = new TemplateMachine(nodeProcesses)
})
afterEach(() => machine.dispose())

const make = (
  folder: string,
  { id = 'static-site', repository = bundledTemplates as string, signal = never } = {},
) =>
  machine
    .templates()
    .handlers['templates.newRepository'](
      { template: { repository, id }, options: {}, omit: [], folder },
      signal,
    )

const problemOf = (promise: Promise<unknown>) =>
  promise.then(
    () => {
      throw new Error('It did not fail')
    },
    (error: unknown) => {
      if (error instanceof ProblemError) return error.problem
      throw error
    },
  )

describe('a new repository', () => {
  it('has the files, the branch main, and one commit of the user', async () => {
    machine.introduce()
    const folder = join(machine.home, 'projects/deep/site')
    const made = await make(folder)
    expect(made).toMatchObject({
      folder,
      commit: machine.git(folder, 'rev-parse', 'main'),
      files: expect.arrayContaining(['.devcontainer/devcontainer.json', '.gitignore', 'site/index.html']),
    })
    expect(made.uncommitted).toBeUndefined()
    expect(machine.git(folder, 'log', '--format=%an <%ae>')).toBe('Ada <ada@example.com>')
    expect(machine.git(folder, 'status', '--porcelain')).toBe('')
    expect(machine.git(folder, 'symbolic-ref', 'HEAD')).toBe('refs/heads/main')
    expect(machine.git(folder, 'ls-files').split('\n').sort()).toEqual([...made.files].sort())
    expect(readFileSync(join(folder, 'site/index.html'), 'utf8')).toContain('<title>My page</title>')
    expect(readdirSync(folder).filter((name) => name.startsWith('.berth'))).toEqual([])
  })

  it('goes into an empty folder, named from home', async () => {
    machine.introduce()
    mkdirSync(join(machine.home, 'site'))
    expect((await make('~/site')).folder).toBe(join(machine.home, 'site'))
  })

  it('is not committed where git knows nobody, which is said', async () => {
    const folder = join(machine.home, 'site')
    const made = await make(folder)
    expect(made.commit).toBeUndefined()
    expect(made.uncommitted).toContain('no name')
    expect(machine.git(folder, 'diff', '--cached', '--name-only').split('\n')).toHaveLength(made.files.length)
  })

  it('keeps what is executable', async () => {
    const url = machine.repository('house', {
      'devcontainer-template.json': described('x'),
      '.devcontainer.json': '{"image": "alpine"}',
      'run.sh': '#!/bin/sh\n',
    })
    machine.git(join(machine.home, 'served/house'), 'update-index', '--chmod=+x', 'run.sh')
    machine.git(join(machine.home, 'served/house'), 'commit', '--quiet', '--message', 'Run')
    await machine.templates().handlers['templates.refresh']({ repository: { url } }, never)
    const folder = join(machine.home, 'run')
    await make(folder, { repository: url, id: 'house' })
    expect(statSync(join(folder, 'run.sh')).mode & 0o111).not.toBe(0)
    expect(statSync(join(folder, '.devcontainer.json')).mode & 0o111).toBe(0)
  })

  it('runs no hook of anybody', async () => {
    machine.introduce()
    const template = join(machine.home, 'git-template/hooks')
    mkdirSync(template, { recursive: true })
    const trace = join(machine.home, 'ran')
    for (const hook of ['pre-commit', 'post-commit', 'commit-msg'])
      writeFileSync(join(template, hook), `#!/bin/sh\ntouch ${trace}\n`, { mode: 0o755 })
    writeFileSync(
      join(machine.home, '.gitconfig'),
      `${readFileSync(join(machine.home, '.gitconfig'), 'utf8')}[init]\n\ttemplateDir = ${join(machine.home, 'git-template')}\n`,
    )
    const folder = join(machine.home, 'site')
    await make(folder)
    expect(existsSync(join(folder, '.git/hooks/pre-commit'))).toBe(true)
    expect(existsSync(trace)).toBe(false)
  })
})

describe('what is there already', () => {
  it.each(['notes.txt', '.git'])('is not overwritten: %s', async (name) => {
    const folder = join(machine.home, 'mine')
    mkdirSync(folder)
    writeFileSync(join(folder, name), 'mine')
    expect(await problemOf(make(folder))).toMatchObject({ code: 'file-exists' })
    expect(readdirSync(folder)).toEqual([name])
    expect(readFileSync(join(folder, name), 'utf8')).toBe('mine')
  })

  it('may be a file, a link to nowhere, or a path below a file', async () => {
    writeFileSync(join(machine.home, 'file'), 'mine')
    symlinkSync('/nonexistent/place', join(machine.home, 'link'))
    expect(await problemOf(make(join(machine.home, 'file')))).toMatchObject({ code: 'file-exists' })
    expect(await problemOf(make(join(machine.home, 'file/below')))).toMatchObject({ code: 'file-exists' })
    expect((await problemOf(make(join(machine.home, 'link')))).code).toMatch(
      /^(file-exists|permission-denied)$/,
    )
    expect(await problemOf(make('relative/path'))).toMatchObject({ code: 'invalid-input' })
  })
})

describe('a failure', () => {
  it('of git leaves nothing behind', async () => {
    const bin = join(machine.home, 'bin')
    mkdirSync(bin)
    writeFileSync(
      join(bin, 'git'),
      '#!/bin/sh\ncase " $* " in *" add "*) echo "fatal: no space left on device" >&2; exit 128;; esac\nexec /usr/bin/env -i PATH=/usr/bin:/bin HOME="$HOME" git "$@"\n',
      { mode: 0o755 },
    )
    machine.env.PATH = `${bin}:${process.env.PATH}`
    expect(await problemOf(make(join(machine.home, 'projects/site')))).toMatchObject({ code: 'disk-full' })
    expect(existsSync(join(machine.home, 'projects'))).toBe(false)
    mkdirSync(join(machine.home, 'empty'))
    expect(await problemOf(make(join(machine.home, 'empty')))).toMatchObject({ code: 'disk-full' })
    expect(readdirSync(join(machine.home, 'empty'))).toEqual([])
  })

  it('to find git is a Problem, and leaves nothing behind', async () => {
    machine.env.PATH = join(machine.home, 'nothing')
    expect(await problemOf(make(join(machine.home, 'site')))).toMatchObject({ code: 'git-missing' })
    expect(existsSync(join(machine.home, 'site'))).toBe(false)
  })

  it('by cancelling leaves nothing behind', async () => {
    expect(await problemOf(make(join(machine.home, 'site'), { signal: AbortSignal.abort() }))).toMatchObject({
      code: 'cancelled',
    })
    expect(existsSync(join(machine.home, 'site'))).toBe(false)
  })
})
