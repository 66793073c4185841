import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Problem, ProblemError, type Source, WorkspaceId, WorkspaceName } from '#contract'
import { deriveName, newWorkspaceId, sourceFolder, sourceFolderName, uniqueName } from './name'
import { checkSource, parseTyped } from './parse'

let home: string

beforeAll(() => {
  home = mkdtempSync(join(tmpdir(), 'berth-parse-'))
  mkdirSync(join(home, 'project'))
  mkdirSync(join(home, 'bare.git', 'objects'), { recursive: true })
  mkdirSync(join(home, 'bare.git', 'refs'))
  writeFileSync(join(home, 'bare.git', 'HEAD'), 'ref: refs/heads/main\n')
})

afterAll(() => rmSync(home, { recursive: true }))

const typed = (text: string, branch?: string) =>
  parseTyped(text, { home, cwd: home, ...(branch === undefined ? {} : { branch }) })
const parse = (text: string, branch?: string): Source => typed(text, branch).source

function refused(text: string, branch?: string): Problem {
  try {
    parse(text, branch)
  } catch (error) {
    if (error instanceof ProblemError) return error.problem
    throw error
  }
  throw new Error(`Not refused: ${text}`)
}

const git = (url: string, ref?: Extract<Source, { kind: 'git' }>['ref']) => ({
  kind: 'git',
  url,
  ...(ref ? { ref } : {}),
})
const branch = (name: string) => ({ kind: 'branch', name }) as const
const commit = (id: string) => ({ kind: 'commit', id }) as const
const sha = '0123456789abcdef0123456789abcdef01234567'

it('tells which pages only the server can read, and what a given branch settles', () => {
  const page = 'https://github.com/o/r/tree/next/a/b'
  expect(typed(page).page).toBe('next/a/b')
  expect(typed('https://github.com/o/r/blob/next/a/b.md').page).toBe('next/a/b.md')
  expect(typed('https://github.com/o/r/tree/next').page).toBeUndefined()
  expect(typed(`https://github.com/o/r/tree/${'a'.repeat(40)}/b`).page).toBeUndefined()
  const source = { kind: 'git', url: 'https://github.com/o/r', ref: { kind: 'branch', name: 'next/a' } }
  expect(typed(page, 'next/a')).toEqual({ source, below: 'b' })
})

describe('what people type', () => {
  it.each<[string, unknown]>([
    ['https://github.com/o/r', git('https://github.com/o/r')],
    ['  https://github.com/o/r.git/  ', git('https://github.com/o/r.git')],
    ['https://github.com/o/r#main', git('https://github.com/o/r', branch('main'))],
    ['https://github.com/o/r#feature/x', git('https://github.com/o/r', branch('feature/x'))],
    [`https://github.com/o/r@${sha}`, git('https://github.com/o/r', commit(sha))],
    ['https://github.com/o/r@abc1234', git('https://github.com/o/r', commit('abc1234'))],
    [`https://github.com/o/r#${sha}`, git('https://github.com/o/r', commit(sha))],
    ['https://github.com/o/r/tree/main', git('https://github.com/o/r', branch('main'))],
    ['https://github.com/o/r/tree/feature/x?tab=1', git('https://github.com/o/r', branch('feature/x'))],
    [`https://github.com/o/r/commit/${sha}`, git('https://github.com/o/r', commit(sha))],
    ['https://github.com/o/r/blob/main/a/b.md', git('https://github.com/o/r', branch('main'))],
    ['https://gitlab.com/g/sub/r/-/tree/dev', git('https://gitlab.com/g/sub/r', branch('dev'))],
    ['https://gitea.example/o/r/src/branch/dev', git('https://gitea.example/o/r', branch('dev'))],
    ['https://user:secret@host/o/r', git('https://host/o/r')],
    ['https://token@host:8443/o/r', git('https://host:8443/o/r')],
    ['ssh://git:pw@host:22/o/r.git#x', git('ssh://git@host:22/o/r.git', branch('x'))],
    ['git@github.com:o/r.git', git('git@github.com:o/r.git')],
    ['git@github.com:o/r#dev', git('git@github.com:o/r', branch('dev'))],
    ['git@github.com:o/r@abc1234', git('git@github.com:o/r', commit('abc1234'))],
    ['myhost:team/app', git('myhost:team/app')],
    ['git://host/r', git('git://host/r')],
    ['file:///srv/r.git', git('file:///srv/r.git')],
    ['github.com/o/r', git('https://github.com/o/r')],
    ['git.example.com/o/r.git#x', git('https://git.example.com/o/r.git', branch('x'))],
    ['debian:bookworm', { kind: 'image', image: 'debian:bookworm' }],
    ['debian', { kind: 'image', image: 'debian' }],
    ['localhost:5000/team/app:1', { kind: 'image', image: 'localhost:5000/team/app:1' }],
    ['ghcr.io/o/r', { kind: 'image', image: 'ghcr.io/o/r' }],
    [
      'mcr.microsoft.com/devcontainers/base:1.2-x',
      { kind: 'image', image: 'mcr.microsoft.com/devcontainers/base:1.2-x' },
    ],
  ])('%s', (text, source) => {
    expect(parse(text)).toEqual(source)
  })

  it('finds folders, and bare repositories among them', () => {
    for (const text of [
      '~/project',
      './project',
      'project',
      join(home, 'project'),
      `${home}/x/../project/`,
    ]) {
      expect(parse(text)).toEqual({ kind: 'folder', path: join(home, 'project') })
    }
    expect(parse('./bare.git')).toEqual({ kind: 'git', url: `file://${home}/bare.git` })
  })

  it('takes a branch beside a URL', () => {
    expect(parse('https://h/o/r', 'dev')).toEqual(git('https://h/o/r', branch('dev')))
    expect(parse('https://h/o/r#dev', 'dev')).toEqual(git('https://h/o/r', branch('dev')))
    expect(refused('https://h/o/r#dev', 'main').title).toBe('Two branches are asked for')
    expect(refused('debian', 'main').code).toBe('invalid-input')
    expect(refused('project', 'main').code).toBe('invalid-input')
  })

  it.each([
    '',
    '   ',
    '--help',
    'ext::sh -c date',
    'ftp://h/o/r',
    'https://',
    'https://host',
    'https://host/',
    'https://h/o/r#-u',
    'https://h/o/r#a..b',
    'https://h/o/r#a b',
    'ssh://-oProxyCommand=x/y',
    'git@host:-x',
    'https://github.com/o/r/pull/5',
    'what is this',
    'some/UPPER',
    'a\u0000b',
    'https://h/a b',
  ])('refuses %j with a remedy', (text) => {
    const problem = refused(text)
    expect(problem.code).toBe('invalid-input')
    expect(problem.remedy).not.toBe('')
  })

  it('says when a folder does not exist', () => {
    expect(refused('./nope')).toMatchObject({ code: 'folder-not-found' })
    expect(refused('/no/such/folder')).toMatchObject({ code: 'folder-not-found' })
  })

  it('never crashes on odd input, and never keeps a password', () => {
    const pieces = [
      'https://',
      'git@',
      ':',
      '/',
      '#',
      '@',
      'a',
      '..',
      '%',
      '%zz',
      ' ',
      'me:pw@',
      '\\',
      '~',
      '-',
      '?x',
      '::',
      '[',
      'é',
    ]
    let seed = 3
    const random = (below: number) => {
      seed = (seed * 1103515245 + 12345) % 2147483648
      return seed % below
    }
    for (let round = 0; round < 5000; round++) {
      const text = Array.from({ length: 1 + random(8) }, () => pieces[random(pieces.length)]).join('')
      try {
        const source = parse(text)
        if (source.kind === 'git' && source.url.startsWith('https:')) expect(source.url).not.toContain('pw@')
        expect(WorkspaceName.safeParse(deriveName(source)).success).toBe(true)
        expect(sourceFolderName(source)).toMatch(/^\w[\w.-]*$/)
        checkSource(source, { home, cwd: home })
      } catch (error) {
        if (!(error instanceof ProblemError)) throw new Error(`${text}: ${String(error)}`)
      }
    }
  })
})

describe('names', () => {
  it('are of the folder that holds a repository, not of its .git', () => {
    for (const url of ['file:///srv/big/.git', 'file:///srv/big/.git/', 'https://host/srv/big.git'])
      expect([deriveName({ kind: 'git', url }), sourceFolderName({ kind: 'git', url })]).toEqual([
        'big',
        'big',
      ])
  })

  it.each([
    ['https://h/o/My_App.git', 'my-app', 'My_App'],
    ['git@h:o/x.y', 'x-y', 'x.y'],
    ['https://h/o/%C3%A9t%C3%A9', 'ete', 'C3-A9t-C3-A9'],
    ['https://h/o/---', 'workspace', 'workspace'],
    [`https://h/o/${'a'.repeat(60)}`, 'a'.repeat(40), 'a'.repeat(60)],
    ['ghcr.io/o/node:20', 'node', 'node'],
  ])('%s', (text, name, folder) => {
    const source = parse(text)
    expect(deriveName(source)).toBe(name)
    if (folder !== 'C3-A9t-C3-A9') expect(sourceFolderName(source)).toBe(folder)
  })

  it('are made unique within their length', () => {
    expect(uniqueName('a', new Set())).toBe('a')
    expect(uniqueName('a', new Set(['a', 'a-2']))).toBe('a-3')
    const long = 'a'.repeat(40)
    const unique = uniqueName(long, new Set([long]))
    expect(unique).toBe(`${'a'.repeat(38)}-2`)
    expect(WorkspaceName.safeParse(unique).success).toBe(true)
  })

  it('have ids that the contract takes', () => {
    for (let round = 0; round < 200; round++)
      expect(WorkspaceId.safeParse(newWorkspaceId()).success).toBe(true)
  })

  it('place the source', () => {
    expect(sourceFolder({ workspaceFolder: '/workspaces/app' }, 'app')).toBe('/workspaces/app')
    expect(sourceFolder({ workspaceFolder: '/workspaces/app/web/ui' }, 'app')).toBe('/workspaces/app')
    expect(sourceFolder({ workspaceFolder: '/workspaces' }, 'app')).toBe('/workspaces/app')
    expect(sourceFolder({ workspaceFolder: '/srv/code' }, 'app')).toBe('/srv/code')
  })
})
