import { describe, expect, it } from 'vitest'
import { projectKey } from './project'

const git = (url: string) => projectKey({ kind: 'git', url })

describe('a project', () => {
  it('is a repository, however its URL is written', () => {
    for (const url of [
      'https://github.com/owner/name',
      'https://GitHub.com/owner/name.git/',
      'https://user:token@github.com:443/owner/name.git',
      'git@github.com:owner/name.git',
      'ssh://git@github.com/owner/name',
      'ssh://git@github.com:22/owner//name.git',
    ])
      expect(git(url)).toBe('git:github.com/owner/name')
    expect(
      projectKey({ kind: 'git', url: 'git@github.com:owner/name', ref: { kind: 'branch', name: 'next' } }),
    ).toBe('git:github.com/owner/name')
  })

  it('is another one on another server, port or path, whose case counts', () => {
    const all = ['https://a/x', 'https://b/x', 'https://a:8443/x', 'https://a/X', 'file:///a/x'].map(git)
    expect(new Set(all).size).toBe(all.length)
  })

  it('is a folder, and an image without its tag', () => {
    expect(projectKey({ kind: 'folder', path: '/home/me/app/' })).toBe('folder:/home/me/app')
    expect(projectKey({ kind: 'image', image: 'localhost:5000/team/app:1.2' })).toBe(
      'image:localhost:5000/team/app',
    )
    expect(projectKey({ kind: 'image', image: 'localhost:5000/team/app@sha256:00' })).toBe(
      'image:localhost:5000/team/app',
    )
  })
})
