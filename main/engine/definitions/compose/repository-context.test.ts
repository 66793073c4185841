import { describe, expect, it } from 'vitest'
import { readWritten, refusedOf } from './compose.test-helper'
import { repositoryContext } from './repository-context'

describe('repositoryContext', () => {
  it.each([
    ['https://example.com/a/b.git', { url: 'https://example.com/a/b.git' }, '.'],
    ['https://example.com/a/b.git#main', { url: 'https://example.com/a/b.git', ref: 'main' }, '.'],
    ['git@example.com:a/b.git#v1:/docker/x', { url: 'git@example.com:a/b.git', ref: 'v1' }, 'docker/x'],
    ['ssh://git@example.com/a/b#:docker', { url: 'ssh://git@example.com/a/b' }, 'docker'],
    ['git://example.com/a', { url: 'git://example.com/a' }, '.'],
    ['github.com/a/b#x/y', { url: 'https://github.com/a/b', ref: 'x/y' }, '.'],
  ])('knows %s', (text, repository, folder) => {
    expect(repositoryContext(text)).toEqual({ repository, folder })
  })

  it.each([
    './folder.git',
    '.',
    'https://example.com/context.tar.gz',
    'https://example.com/a.git#main:../out',
    'docker-image://debian',
    'file:///srv/a.git',
    'https://example.com/a b.git',
  ])('takes %s for none', (text) => {
    expect(repositoryContext(text)).toBeUndefined()
  })
})

describe('a service that is built of another repository', () => {
  it('needs nothing of it to be read', async () => {
    const build = {
      context: 'https://example.com/a/b.git#pages:site',
      dockerfile: '.devcontainer/Dockerfile',
      secrets: ['token'],
    }
    const compose = JSON.stringify({
      services: { app: { build } },
      secrets: { token: { file: 'token.txt' } },
    })
    const definition = await readWritten({ compose })
    expect(definition.build).toEqual({
      repository: { url: 'https://example.com/a/b.git', ref: 'pages' },
      dockerfile: 'site/.devcontainer/Dockerfile',
      context: 'site',
      args: {},
    })
    expect(refusedOf(definition)['services.app.build.secrets']).toMatch(/no files of this one/)
  })
})
