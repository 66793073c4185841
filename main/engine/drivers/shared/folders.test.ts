import { expect, test } from 'vitest'
import { keepsHome, repositoryParents, sourceFolders, sourceMount } from './folders'

test.each([
  ['/workspaces/app', '/workspaces'],
  ['/workspaces/src/app', '/workspaces'],
  ['/projects/app', '/projects'],
  ['/projects', '/projects'],
  ['/projectsapp', '/projectsapp'],
  ['/srv/code', '/srv/code'],
])('the volume of the source %s is mounted at %s', (source, mount) => {
  expect(sourceMount(source)).toBe(mount)
})

test.each([
  ['/home/dev', true],
  ['/root/', true],
  ['/projects/home', true],
  ['/', false],
  ['/workspaces/', false],
  ['/workspaces/x', false],
  // Where a devfile has its sources.
  ['/projects', false],
  ['x', false],
])('the home %s has a volume of its own: %s', (home, expected) => {
  expect(keepsHome(home)).toBe(expected)
})

test('repositories beside the source get the folders that they lie in', () => {
  const repositories = [
    { url: 'https://example.com/api', folder: '/workspaces/api' },
    { url: 'https://example.com/web', folder: '/workspaces/front/web/' },
    { url: 'https://example.com/far', folder: '/opt/far' },
  ]
  const parents = repositoryParents({ repositories })
  expect(sourceFolders('/workspaces/app', '/workspaces/app', parents)).toEqual([
    '/workspaces',
    '/workspaces/app',
    '/workspaces/front',
  ])
})
