import { execFileSync } from 'node:child_process'
import { mkdirSync, renameSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Problem, ProblemError, type Source } from '#contract'
import { type GitServer, startGitServer } from '../../main/engine/access/credentials/git-server.suite'
import { git, gitSource, Machine, Rig, repository } from './rig'

let machine: Machine
let rig: Rig
let server: GitServer

beforeAll(async () => {
  machine = new Machine()
  server = await startGitServer({ root: machine.home, login: 'me:pass word', closed: '/private/' })
  repository(machine.home, 'app', {
    '.devcontainer/devcontainer.json': '{"name": "Found", "image": "x"}',
    'large.bin': 'x'.repeat(3_000_000),
  })
  rig = new Rig(machine)
  await rig.service.settled
})

afterAll(async () => {
  await rig.dispose()
  await server.close()
  expect(machine.leftovers()).toEqual([])
  machine.dispose()
})

const preview = (source: Source, more = {}) =>
  rig.service.handlers['workspaces.preview']({ source, ...more }, new AbortController().signal)

async function refused(source: Source): Promise<Problem> {
  const error = await preview(source).then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  if (!(error instanceof ProblemError)) throw new Error(`Not refused: ${String(error)}`)
  return error.problem
}

describe('the definition of a git repository', () => {
  it('is read over http without what is large, and without leaving anything', async () => {
    const found = await preview({ kind: 'git', url: `${server.origin}/app.git` })
    expect(found).toMatchObject({ name: 'app', definition: { title: 'Found', image: 'x' } })
    expect(found.candidates).toEqual(['.devcontainer/devcontainer.json'])
    expect(machine.leftovers()).toEqual([])
  })

  it('is read at a branch, a tag, a commit and a short commit', async () => {
    const bare = repository(machine.home, 'refs', { '.devcontainer.json': '{"image": "first"}' })
    const work = join(machine.home, 'refs-work')
    const first = git(work, 'rev-parse', 'HEAD').trim()
    writeFileSync(join(work, '.devcontainer.json'), '{"image": "second"}')
    git(work, 'commit', '--quiet', '-am', 'Second')
    git(work, 'tag', 'v2')
    git(work, 'push', '--quiet', bare, 'HEAD:next', 'v2')
    for (const url of [`file://${bare}`, `${server.origin}/refs.git`]) {
      const image = async (ref?: Extract<Source, { kind: 'git' }>['ref']) =>
        (await preview({ kind: 'git', url, ...(ref ? { ref } : {}) })).definition.image
      expect(await image()).toBe('first')
      expect(await image({ kind: 'branch', name: 'next' })).toBe('second')
      expect(await image({ kind: 'branch', name: 'v2' })).toBe('second')
      expect(await image({ kind: 'commit', id: first })).toBe('first')
      expect(await image({ kind: 'commit', id: first.slice(0, 7) })).toBe('first')
    }
  })

  it('is read at the branch of a page, which is told from the folder below it', async () => {
    const owner = join(machine.home, 'owner')
    mkdirSync(owner)
    const bare = repository(owner, 'pages', { 'a/b/c.txt': '' })
    git(bare, 'branch', 'next')
    git(bare, 'branch', 'feature/x')
    git(bare, 'tag', 'next/deep')
    renameSync(bare, join(owner, 'pages'))
    const url = `${server.origin}/owner/pages`
    const parse = (text: string) =>
      rig.service.handlers['sources.parse']({ text }, new AbortController().signal)
    const read = async (page: string) => {
      const { source, below } = await parse(`${url}/${page}`)
      expect(source).toMatchObject({ kind: 'git', url })
      return [source.kind === 'git' && source.ref?.kind === 'branch' && source.ref.name, below]
    }
    expect(await read('tree/next/a/b')).toEqual(['next', 'a/b'])
    expect(await read('tree/next/deep/a')).toEqual(['next/deep', 'a'])
    expect(await read('tree/feature/x')).toEqual(['feature/x', undefined])
    expect(await read('blob/feature/x/a/b/c.txt')).toEqual(['feature/x', 'a/b/c.txt'])
    expect(await read('-/tree/next/a')).toEqual(['next', 'a'])
    // What the server does not have is left for it to say.
    expect(await read('tree/nothing/a')).toEqual(['nothing/a', undefined])
  })

  it('follows a link inside the repository and refuses one that leads out', async () => {
    const bare = repository(machine.home, 'links', { 'real.json': '{"image": "linked"}' })
    const work = join(machine.home, 'links-work')
    const link = async (target: string) => {
      execFileSync('ln', ['-sfn', target, join(work, '.devcontainer.json')])
      git(work, 'add', '.')
      git(work, 'commit', '--quiet', '-m', target)
      git(work, 'push', '--quiet', bare, 'main')
    }
    await link('real.json')
    expect((await preview(gitSource(bare))).definition.image).toBe('linked')
    await link('../../etc/passwd')
    expect(await refused(gitSource(bare))).toMatchObject({ code: 'definition-invalid' })
  })

  it('is not needed where the user names an image', async () => {
    const bare = repository(machine.home, 'compose', {
      '.devcontainer.json': '{"dockerComposeFile": "x.yml"}',
    })
    expect(await refused(gitSource(bare))).toMatchObject({ code: 'definition-invalid' })
    const found = await preview(gitSource(bare), { image: 'debian' })
    expect(found.definition).toMatchObject({ format: 'image', image: 'debian' })
    expect(found.notApplied[0]?.reason).toContain('dockerComposeFile')
  })

  it('finds those in folders of their own, and one that was chosen', async () => {
    const bare = repository(machine.home, 'several', {
      '.devcontainer/b/devcontainer.json': '{"image": "b"}',
      '.devcontainer/a/devcontainer.json': '{"build": {"dockerfile": "../../docker/Dockerfile"}}',
      'docker/Dockerfile': 'FROM x',
    })
    const found = await preview(gitSource(bare))
    expect(found.candidates).toEqual([
      '.devcontainer/a/devcontainer.json',
      '.devcontainer/b/devcontainer.json',
    ])
    expect(found.definition.build).toMatchObject({ dockerfile: 'docker/Dockerfile' })
    const chosen = await preview(gitSource(bare), { definitionPath: '.devcontainer/b/devcontainer.json' })
    expect(chosen.definition.image).toBe('b')
    await expect(preview(gitSource(bare), { definitionPath: 'none.json' })).rejects.toMatchObject({
      problem: { code: 'definition-invalid' },
    })
  })

  it('uses the credentials that the user’s git has', async () => {
    const url = `${server.origin}/private/app.git`
    expect(await refused({ kind: 'git', url })).toMatchObject({ code: 'git-auth' })
    writeFileSync(
      join(machine.home, '.git-credentials'),
      `${server.origin.replace('//', '//me:pass%20word@')}\n`,
    )
    writeFileSync(join(machine.home, '.gitconfig'), '[credential]\n\thelper = store\n')
    expect((await preview({ kind: 'git', url })).definition.title).toBe('Found')
    // A user and password in the URL are not kept.
    const parsed = await preview({ kind: 'git', url: url.replace('//', '//me:pass%20word@') })
    expect(parsed.source).toEqual({ kind: 'git', url })
  })
})

describe('ssh', () => {
  /** An `ssh` that reaches this machine without a server, as the system's own would with the user's configuration. */
  async function over(
    script: string,
  ): Promise<{ preview: (url: string) => Promise<unknown>; dispose: () => Promise<void> }> {
    const own = new Machine()
    const bin = join(own.home, 'bin')
    mkdirSync(bin)
    writeFileSync(join(bin, 'ssh'), `#!/bin/sh\necho "$@" >> ${own.home}/ssh.log\n${script}\n`, {
      mode: 0o755,
    })
    own.env.PATH = `${bin}:${process.env.PATH}`
    const other = new Rig(own)
    await other.service.settled
    return {
      preview: (url) =>
        other.service.handlers['workspaces.preview'](
          { source: { kind: 'git', url } },
          new AbortController().signal,
        ),
      dispose: async () => {
        await other.dispose()
        own.dispose()
      },
    }
  }

  it('goes through the system’s own ssh, in both ways to write it', async () => {
    const { preview: ask, dispose } = await over('for last; do :; done; exec sh -c "$last"')
    for (const url of [
      `git@some-host:${machine.home}/app.git`,
      `ssh://git@some-host${machine.home}/app.git`,
    ]) {
      expect(await ask(url)).toMatchObject({ name: 'app', definition: { title: 'Found' } })
    }
    await dispose()
  })

  it.each([
    ['Host key verification failed.', 'ssh-host-key'],
    ['git@some-host: Permission denied (publickey).', 'git-auth'],
    ['ssh: Could not resolve hostname some-host: Name or service not known', 'git-unreachable'],
    ['ssh: connect to host some-host port 22: Connection refused', 'git-unreachable'],
    ['ERROR: Repository not found.', 'git-not-found'],
  ])('%s', async (words, code) => {
    const { preview: ask, dispose } = await over(`echo '${words}' >&2; exit 255`)
    await expect(ask('git@some-host:o/r.git')).rejects.toMatchObject({
      problem: { code, detail: expect.stringContaining(words) },
    })
    await dispose()
  })
})

describe('what can go wrong with git', () => {
  it.each<[string, () => Source, string]>([
    ['no such repository, over a file', () => gitSource(join(machine.home, 'nope.git')), 'git-not-found'],
    [
      'no such repository, over http',
      () => ({ kind: 'git', url: `${server.origin}/nope.git` }),
      'git-not-found',
    ],
    ['no such branch', () => gitSource(join(machine.home, 'app.git'), 'nope'), 'git-ref-not-found'],
    [
      'no such commit',
      () => ({
        kind: 'git',
        url: `file://${join(machine.home, 'app.git')}`,
        ref: { kind: 'commit', id: 'a'.repeat(40) },
      }),
      'git-ref-not-found',
    ],
    ['nobody listens', () => ({ kind: 'git', url: 'http://127.0.0.1:1/x.git' }), 'git-unreachable'],
    ['no such host', () => ({ kind: 'git', url: 'https://nowhere.invalid/x.git' }), 'git-unreachable'],
  ])('%s', async (_what, source, code) => {
    const problem = await refused(source())
    expect(problem.code).toBe(code)
    expect(problem.remedy).not.toBe('')
    expect(machine.leftovers()).toEqual([])
  })

  it('no git on this machine', async () => {
    const bare = new Machine({ PATH: '/nonexistent' })
    const other = new Rig(bare)
    await other.service.settled
    const asking = other.service.handlers['workspaces.preview'](
      { source: gitSource(join(machine.home, 'app.git')) },
      new AbortController().signal,
    )
    await expect(asking).rejects.toMatchObject({ problem: { code: 'git-missing' } })
    await other.dispose()
    bare.dispose()
  })

  it('refuses what would run programs or be taken for an option', async () => {
    for (const url of ['ext::sh -c date', '--upload-pack=date', 'ssh://-oProxyCommand=date/x', 'fd::17']) {
      expect((await refused({ kind: 'git', url })).code).toBe('invalid-input')
    }
    const bare = join(machine.home, 'app.git')
    expect((await refused(gitSource(bare, '--upload-pack=date'))).code).toBe('invalid-input')
  })

  it('gives up at once when the caller does', async () => {
    const silent = createServer(() => undefined)
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve))
    const { port } = silent.address() as AddressInfo
    const controller = new AbortController()
    const asking = rig.service.handlers['workspaces.preview'](
      { source: { kind: 'git', url: `http://127.0.0.1:${port}/x.git` } },
      controller.signal,
    )
    setTimeout(() => controller.abort(), 300)
    await expect(asking).rejects.toMatchObject({ problem: { code: 'cancelled' } })
    silent.closeAllConnections()
    silent.close()
  })
})
