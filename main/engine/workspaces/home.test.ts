import { expect, test } from 'vitest'
import { keepsOwnHome, liesWithSource } from './home'

test.each([
  ['/home/dev', true],
  ['/root/', true],
  ['/projects/home', true],
  ['/', false],
  ['/workspaces', false],
  ['/workspaces/', false],
  ['/workspaces/x', false],
  ['/projects', false],
  ['x', false],
])('the home %s has a volume of its own: %s', (home, expected) => {
  expect(keepsOwnHome(home)).toBe(expected)
})

test.each([
  ['/workspaces/api', '/workspaces/app', true],
  ['/workspaces/app/inside', '/workspaces/app', true],
  ['/workspaces/a/b', '/workspaces/src/app', true],
  ['/projects/api', '/projects/app', true],
  ['/projects/api', '/workspaces/app', false],
  ['/srv/api', '/srv/app', false],
  ['/srv/app/api', '/srv/app', true],
  ['/srv/application', '/srv/app', false],
])('%s lies on the volume of %s: %s', (path, source, expected) => {
  expect(liesWithSource(path, source)).toBe(expected)
})
