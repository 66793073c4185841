import { execFileSync } from 'node:child_process'
import { chmodSync, mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createNodePlatform } from '../../../platform/node'
import { buildDigest } from '../../shared/build/build-digest'
import { pushProblem } from '../../shared/build/push-problem'
import { PushProgress } from './push'

const { signal } = new AbortController()
let folder: string

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'berth-digest-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

describe('buildDigest', () => {
  const build = { dockerfile: 'docker/Dockerfile', context: 'app', args: {} as Record<string, string> }

  beforeEach(() => {
    mkdirSync(join(folder, 'docker'))
    mkdirSync(join(folder, 'app/src'), { recursive: true })
    writeFileSync(join(folder, 'docker/Dockerfile'), 'FROM scratch\nCOPY . /\n')
    writeFileSync(join(folder, 'app/src/main'), 'main')
    writeFileSync(join(folder, 'app/.dockerignore'), '**/*.tmp\n')
  })

  const digest = (
    more: { target?: string; args?: Record<string, string> } = {},
    engine = 'linux/amd64',
    token = '1',
  ) => {
    const env = { PATH: process.env.PATH, HOME: folder, TOKEN: token }
    const platform = createNodePlatform({ version: '0.0.0', resources: folder, env })
    return buildDigest({ ...build, ...more }, folder, engine, platform, signal)
  }

  it('is the same for the same, whenever it was written, and whatever is ignored', async () => {
    const first = await digest()
    expect(first).toMatch(/^[0-9a-f]{40}$/)
    utimesSync(join(folder, 'app/src/main'), 1, 1)
    writeFileSync(join(folder, 'app/src/a.tmp'), 'x')
    writeFileSync(join(folder, 'beside'), 'x')
    expect(await digest()).toBe(first)
  })

  it('is another one where an alias gives another base', async () => {
    writeFileSync(join(folder, 'docker/Dockerfile'), 'FROM debian:12\n')
    const platform = createNodePlatform({ version: '0.0.0', resources: folder, env: { HOME: folder } })
    const digest = () => buildDigest(build, folder, 'linux/amd64', platform, signal)
    const before = await digest()
    await platform.settings.change({ imageAliases: { 'docker.io/library/alpine': 'm.example/alpine' } })
    expect(await digest()).toBe(before)
    await platform.settings.change({ imageAliases: { debian: 'm.example/debian' } })
    expect(await digest()).not.toBe(before)
  })

  it('is another one for anything else that goes in', async () => {
    const all = new Set([await digest(), await digest({}, 'linux/arm64'), await digest({ target: 'dev' })])
    const args = { A: '${localEnv:TOKEN}' }
    all.add(await digest({ args }))
    all.add(await digest({ args }, 'linux/amd64', '2'))
    chmodSync(join(folder, 'app/src/main'), 0o755)
    all.add(await digest())
    writeFileSync(join(folder, 'app/src/main'), 'Main')
    all.add(await digest())
    writeFileSync(join(folder, 'docker/Dockerfile'), 'FROM scratch\nCOPY . /x\n')
    all.add(await digest())
    mkdirSync(join(folder, 'app/empty'))
    all.add(await digest())
    expect(all.size).toBe(9)
  })

  it('takes of a repository its commit, and not what differs from clone to clone', async () => {
    const git = (...args: string[]) =>
      execFileSync('git', ['-c', 'user.name=t', '-c', 'user.email=t@t', ...args], {
        cwd: join(folder, 'app'),
        env: { PATH: process.env.PATH, HOME: folder },
        stdio: 'pipe',
      })
    git('init', '--quiet')
    git('commit', '-qm', 'one', '--allow-empty')
    const first = await digest()
    git('gc', '--quiet')
    writeFileSync(join(folder, 'app/.git/note'), 'x')
    expect(await digest()).toBe(first)
    git('commit', '-qm', 'two', '--allow-empty')
    const second = await digest()
    expect(second).not.toBe(first)
    writeFileSync(join(folder, 'app/.dockerignore'), '.git\n')
    const without = await digest()
    git('commit', '-qm', 'three', '--allow-empty')
    expect(await digest()).toBe(without)
  })

  it('does not change with the commits of a repository that the context is only a folder of', async () => {
    const git = (...args: string[]) =>
      execFileSync('git', ['-c', 'user.name=t', '-c', 'user.email=t@t', ...args], {
        cwd: folder,
        env: { PATH: process.env.PATH, HOME: folder },
        stdio: 'pipe',
      })
    git('init', '--quiet')
    git('commit', '-qm', 'one', '--allow-empty')
    const first = await digest()
    git('commit', '-qm', 'two', '--allow-empty')
    expect(await digest()).toBe(first)
  })

  it('says what is not there', async () => {
    rmSync(join(folder, 'docker/Dockerfile'))
    await expect(digest()).rejects.toMatchObject({ problem: { code: 'build-failed' } })
  })
})

describe('PushProgress', () => {
  it('adds the layers up', () => {
    const told: string[] = []
    let bytes = { current: 0, total: 0 }
    const progress = new PushProgress({
      detail: (text) => void told.push(text),
      progress: ({ current, total = 0 }) => {
        bytes = { current, total }
      },
      output: () => undefined,
    })
    progress.take({ status: 'The push refers to repository [x]' })
    for (const id of ['a', 'b', 'c']) progress.take({ id, status: 'Preparing' })
    progress.take({ id: 'a', status: 'Layer already exists' })
    progress.take({ id: 'b', status: 'Pushing', progressDetail: { current: 5, total: 10 } })
    progress.take({ id: 'c', status: 'Pushing', progressDetail: { current: 30, total: 20 } })
    progress.take({ id: 'b', status: 'Pushed' })
    expect(told.at(-1)).toBe('Pushing: 2 of 3 layers are there')
    expect(bytes).toEqual({ current: 40, total: 40 })
  })
})

describe('pushProblem', () => {
  const failure = { reference: 'r.test/a:1', registry: 'r.test', targetName: 'default', authenticated: true }

  it.each([
    ['denied: requested access to the resource is denied', 'registry-auth', /docker login r\.test/],
    ['unauthorized: authentication required', 'registry-auth', /docker login/],
    [
      "name unknown: The repository with name 'a' does not exist in the registry",
      'registry-auth',
      /Make the repository/,
    ],
    [
      'Get "https://r.test/v2/": http: server gave HTTP response to HTTPS client',
      'registry-unreachable',
      /insecure registry/,
    ],
    [
      'Get "https://r.test/v2/": dial tcp: lookup r.test: no such host',
      'registry-unreachable',
      /can be reached/,
    ],
    ['write /var/lib/docker/tmp/x: no space left on device', 'disk-full', /docker system df/],
  ])('%s', (message, code, remedy) => {
    expect(pushProblem(message, failure)).toMatchObject({
      code,
      remedy: expect.stringMatching(remedy),
      detail: message,
    })
  })
})
