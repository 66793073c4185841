import { describe, expect, it } from 'vitest'
import { matchesTemplate, repositoryUrlFault, Settings, type Template } from './index'

const template: Template = {
  id: 'web-postgres',
  name: 'Web app with PostgreSQL',
  description: 'A guest book with Flask.',
  version: '1.0.0',
  keywords: ['python', 'c++'],
  options: {},
  optionalPaths: [],
}

describe('the address of a repository', () => {
  it.each([
    'https://github.com/devcontainers/templates',
    'http://git.internal:8080/team/templates.git',
    'ssh://git@example.com/team/templates',
    'git@example.com:team/templates.git',
    'file:///srv/templates',
  ])('may be %s', (url) => expect(repositoryUrlFault(url)).toBeUndefined())

  it.each([
    '',
    'templates',
    '/srv/templates',
    'ext::sh -c id',
    '--upload-pack=id',
    'https://-oProxyCommand/x',
    'https://user:word@example.com/x',
    'https://token@example.com/x',
    'ssh://git:word@example.com/x',
    'https://example.com/a b',
    'https://example.com/x#main',
  ])('may not be %s', (url) => expect(repositoryUrlFault(url)).toBeDefined())
})

describe('settings', () => {
  it('are valid as those of an earlier Berth, which knew no templates', () => {
    expect(Settings.parse({}).templates).toEqual({ repositories: [], favourites: [] })
  })
  it('take no branch that git would take for an option', () => {
    const repositories = [{ url: 'https://example.com/x', branch: '--upload-pack=id' }]
    expect(Settings.safeParse({ templates: { repositories } }).success).toBe(false)
  })
})

describe('a search', () => {
  it.each(['', 'post', 'WEB flask', 'python web', 'c++', 'berth'])(
    'finds by the beginnings of words: %s',
    (text) => expect(matchesTemplate(template, 'Berth', text)).toBe(true),
  )
  it.each(['gres', 'web java', 'x'])('does not find by anything else: %s', (text) =>
    expect(matchesTemplate(template, 'Berth', text)).toBe(false),
  )
})
