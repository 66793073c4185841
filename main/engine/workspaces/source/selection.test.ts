import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createNodePlatform } from '../../platform/node'
import type { Platform } from '../../platform/platform'
import { silentReport } from '../actions/context'
import { selectUnignored } from './selection'
import { measureFolder, tarFolder } from './tar-folder'

const { signal } = new AbortController()
let folder: string
let root: string

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'berth-selection-'))
  root = join(folder, 'source')
  mkdirSync(root)
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

function platformWith(path = process.env.PATH): Platform {
  return createNodePlatform({ version: '0.0.0', resources: folder, env: { PATH: path, HOME: folder } })
}

function git(...args: string[]): void {
  const as = ['-c', 'user.name=t', '-c', 'user.email=t@t', '-c', 'protocol.file.allow=always']
  execFileSync('git', [...as, ...args], {
    cwd: root,
    env: { PATH: process.env.PATH, HOME: folder },
    stdio: 'pipe',
  })
}

function write(path: string, content = path): void {
  const full = join(root, path)
  mkdirSync(join(full, '..'), { recursive: true })
  writeFileSync(full, content)
}

/** What arrives, apart from what `.git` holds; and whether the announced size was right. */
async function arrives(platform: Platform): Promise<string[]> {
  const selection = await selectUnignored(platform, root, signal)
  const size = await measureFolder(root, signal, selection)
  let sent = 0
  const report = {
    ...silentReport,
    progress: ({ current }: { current: number }) => {
      sent = current
    },
  }
  const chunks: Buffer[] = []
  for await (const chunk of tarFolder(root, 'to', { uid: 1, gid: 1 }, report, size, signal, selection))
    chunks.push(chunk as Buffer)
  expect(sent).toBe(size.bytes)
  const out = join(folder, 'out')
  rmSync(out, { recursive: true, force: true })
  mkdirSync(out)
  execFileSync('tar', ['-x', '--no-same-owner', '-C', out], { input: Buffer.concat(chunks) })
  const listed = execFileSync(
    'find',
    ['to', '-mindepth', '1', '(', '-type', 'd', '-printf', '%P/\\0', '-o', '-printf', '%P\\0', ')'],
    {
      cwd: out,
      encoding: 'utf8',
    },
  )
  return listed
    .split('\0')
    .filter((path) => path !== '' && !/(^|\/)\.git\/./.test(path))
    .sort()
}

describe('a repository', () => {
  beforeEach(() => {
    git('init', '--quiet')
    write('.gitignore', 'node_modules/\n*.log\n/build\n')
    write('kept/.gitignore', '!wanted.log\n')
  })

  it('arrives without what git ignores, with what is tracked all the same, and with .git', async () => {
    for (const path of ['src/main.ts', 'forced.log', 'kept/wanted.log', 'gone.ts', 'a b\n-ü.txt']) write(path)
    git('add', '-f', '.')
    git('commit', '-qm', 'x')
    for (const path of [
      'other.log',
      'node_modules/a/b.js',
      'build/out',
      'src/build/in',
      'new/file',
      'kept/no.log',
    ])
      write(path)
    write('.git/info/exclude', 'private\n')
    write('private')
    unlinkSync(join(root, 'gone.ts'))
    symlinkSync('../..', join(root, 'src/up'))
    expect(await arrives(platformWith())).toEqual(
      [
        '.git/',
        '.gitignore',
        'a b\n-ü.txt',
        'forced.log',
        'kept/',
        'kept/.gitignore',
        'kept/wanted.log',
        'new/',
        'new/file',
        'src/',
        'src/build/',
        'src/build/in',
        'src/main.ts',
        'src/up',
      ].sort(),
    )
    execFileSync('git', ['fsck', '--strict'], { cwd: join(folder, 'out/to'), stdio: 'pipe' })
  })

  it('arrives with repositories inside it, each with its own rules', async () => {
    const inner = join(folder, 'inner')
    mkdirSync(inner)
    const at = (...args: string[]) => git('-C', inner, ...args)
    at('init', '--quiet')
    writeFileSync(join(inner, '.gitignore'), 'tmp\n')
    writeFileSync(join(inner, 'lib.c'), '')
    at('add', '.')
    at('commit', '-qm', 'x')
    git('submodule', '--quiet', 'add', inner, 'third/party')
    git('clone', '--quiet', inner, 'clone')
    for (const path of ['third/party/tmp', 'third/party/new', 'clone/tmp', 'clone/a.log']) write(path)
    expect(await arrives(platformWith())).toEqual(
      [
        '.git/',
        '.gitignore',
        '.gitmodules',
        'clone/',
        'clone/.git/',
        'clone/.gitignore',
        'clone/a.log',
        'clone/lib.c',
        'kept/',
        'kept/.gitignore',
        'third/',
        'third/party/',
        'third/party/.git',
        'third/party/.gitignore',
        'third/party/lib.c',
        'third/party/new',
      ].sort(),
    )
  })

  it('says so when git fails, and ends when it is given up', async () => {
    write('a')
    git('add', '.')
    const selection = await selectUnignored(platformWith(), root, signal)
    writeFileSync(join(root, '.git/index'), 'no index')
    await expect(measureFolder(root, signal, selection)).rejects.toMatchObject({
      problem: { code: 'git-failed', cause: expect.stringContaining('index') },
    })
    const given = new AbortController()
    given.abort()
    await expect(measureFolder(root, given.signal, selection)).rejects.toThrow(/abort|cancel/i)
  })
})

describe('a folder without git', () => {
  const paths = [
    'a.log',
    'kept/b.log',
    'kept/wanted.log',
    'build/x',
    'kept/build/y',
    'deep/node_modules/z/1',
    'src/m',
  ]

  it.each([
    ['that is no repository', () => platformWith()],
    ['on a machine without git', () => platformWith(join(folder, 'none'))],
  ])('follows its .gitignore files (%s)', async (_, platform) => {
    write('.gitignore', 'node_modules/\n*.log\n/build\n')
    write('kept/.gitignore', '!wanted.log\n')
    mkdirSync(join(root, 'empty'))
    for (const path of paths) write(path)
    expect(await arrives(platform())).toEqual(
      [
        '.gitignore',
        'deep/',
        'empty/',
        'kept/',
        'kept/.gitignore',
        'kept/build/',
        'kept/build/y',
        'kept/wanted.log',
        'src/',
        'src/m',
      ].sort(),
    )
  })
})
