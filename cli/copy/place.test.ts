import { describe, expect, it } from 'vitest'
import { localEndings, parsePlace, remotePath } from './place'

describe('parsePlace', () => {
  it.each([
    ['-', { kind: 'stream' }],
    ['demo:/etc', { kind: 'workspace', workspace: 'demo', path: '/etc' }],
    ['far/demo:', { kind: 'workspace', workspace: 'far/demo', path: '' }],
    ['demo:a:b', { kind: 'workspace', workspace: 'demo', path: 'a:b' }],
    ['file', { kind: 'local', path: 'file' }],
    ['./a:b', { kind: 'local', path: './a:b' }],
    ['/a:b', { kind: 'local', path: '/a:b' }],
    [':a', { kind: 'local', path: ':a' }],
  ])('reads %j', (text, expected) => expect(parsePlace(text, 'linux')).toEqual(expected))

  it('knows drives on Windows', () => {
    expect(parsePlace('C:\\x', 'win32')).toEqual({ kind: 'local', path: 'C:\\x' })
    expect(parsePlace('c:\\x', 'linux')).toMatchObject({ kind: 'workspace' })
  })
})

describe('remotePath', () => {
  const workspace = {
    user: { name: 'dev', uid: 1000, gid: 1000, home: '/home/dev' },
    definition: { workspaceFolder: '/workspaces/demo' },
  }
  it.each([
    ['/etc/passwd', '/etc/passwd', false, false],
    ['src', '/workspaces/demo/src', false, false],
    ['', '/workspaces/demo', false, false],
    ['.', '/workspaces/demo', true, true],
    ['src/', '/workspaces/demo/src', true, false],
    ['src/.', '/workspaces/demo/src', true, true],
    ['~/x', '/home/dev/x', false, false],
    ['~', '/home/dev', false, false],
    ['../..', '/', false, false],
    ['~other', '/workspaces/demo/~other', false, false],
  ])('%j is %j', (text, path, folder, contents) =>
    expect(remotePath(workspace, text)).toEqual({ path, folder, contents }),
  )
})

describe('localEndings', () => {
  it('tells a folder, and what it holds', () => {
    expect(localEndings('a/')).toEqual({ folder: true, contents: false })
    expect(localEndings('a/.')).toEqual({ folder: true, contents: true })
    expect(localEndings('a')).toEqual({ folder: false, contents: false })
  })
})
