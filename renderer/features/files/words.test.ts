import { describe, expect, it } from 'vitest'
import type { Transfer } from '#contract'
import {
  baseName,
  crumbsOf,
  fileNameFault,
  parentOf,
  permissionText,
  shown,
  transferName,
  transferText,
} from './words'

const transfer: Transfer = {
  id: '1',
  workspaceId: 'wone',
  direction: 'upload',
  name: 'a.txt',
  items: 1,
  to: '/workspaces/one',
  state: 'running',
  files: 0,
  bytes: 1_000_000,
  skipped: [],
  skippedCount: 0,
  startedAt: 0,
}

describe('words of files', () => {
  it('show the way to a folder', () => {
    expect(crumbsOf('/').map(({ path }) => path)).toEqual(['/'])
    expect(crumbsOf('/workspaces/one').map(({ path }) => path)).toEqual([
      '/',
      '/workspaces',
      '/workspaces/one',
    ])
    expect([parentOf('/a/b'), parentOf('/a'), parentOf('/')]).toEqual(['/a', '/', '/'])
    expect([baseName('C:\\x\\y.txt'), baseName('/a/b/'), baseName('c')]).toEqual(['y.txt', 'b', 'c'])
  })

  it('show names that are no text without what could mislead', () => {
    expect(shown('b\udce4d\u001b[31m')).toBe('b\ufffdd\ufffd[31m')
    expect(shown('😀 ä')).toBe('😀 ä')
  })

  it.each([
    ['', 'Give it a name.'],
    ['a/b', 'A name cannot hold a slash.'],
    ['..', 'That is no name.'],
    ['ä'.repeat(128), 'That is too long.'],
    ['there', 'Something in this folder has that name.'],
    ['ä'.repeat(127), undefined],
  ])('say what is wrong with the name %j', (name, fault) => {
    expect(fileNameFault(name, ['there'])).toBe(fault)
  })

  it('show permissions as ls does', () => {
    expect([permissionText(0o755), permissionText(0o640)]).toEqual(['rwxr-xr-x', 'rw-r-----'])
  })

  it('say how a transfer goes', () => {
    expect(transferName({ name: 'a', items: 4 })).toBe('a and 3 more')
    expect(transferText({ ...transfer, total: 4_000_000 })).toBe('1.0 MB of 4.0 MB')
    expect(transferText({ ...transfer, state: 'waiting' })).toBe('Waiting for the connection. 1.0 MB so far')
    expect(transferText({ ...transfer, state: 'done', files: 2, total: 1_000_000, skippedCount: 1 })).toBe(
      'Uploaded 1.0 MB, 2 files, 1 not copied',
    )
    expect(transferText({ ...transfer, state: 'failed' })).toBe('Stopped after 1.0 MB')
  })
})
