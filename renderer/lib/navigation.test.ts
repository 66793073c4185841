import { beforeEach, expect, test } from 'vitest'
import {
  goBack,
  goForward,
  leaveWorkspace,
  navigate,
  openWorkspace,
  readRoute,
  useNavigation,
} from './navigation'

const here = () => useNavigation.getState().route

beforeEach(() => useNavigation.setState({ route: { view: 'workspaces' }, past: [], future: [] }))

test('back and forward go over the same places', () => {
  navigate({ view: 'targets' })
  openWorkspace('a')
  goBack()
  expect(here().view).toBe('targets')
  goBack()
  goBack()
  expect(here().view).toBe('workspaces')
  goForward()
  goForward()
  expect(here()).toEqual({ view: 'workspace', workspaceId: 'a', tab: 'terminals' })
  goForward()
  expect(here().view).toBe('workspace')
})

test('a new way ends the old one', () => {
  navigate({ view: 'targets' })
  goBack()
  navigate({ view: 'settings' })
  goForward()
  expect(here().view).toBe('settings')
})

test('going to where one is adds no place', () => {
  navigate({ view: 'workspaces' })
  expect(useNavigation.getState().past).toEqual([])
})

test('a workspace opens at the tab where it was left', () => {
  openWorkspace('a', 'logs')
  openWorkspace('b')
  openWorkspace('a')
  expect(here()).toMatchObject({ workspaceId: 'a', tab: 'logs' })
  openWorkspace('a', 'ports')
  expect(here()).toMatchObject({ tab: 'ports' })
})

test('a workspace that is gone is in no way back', () => {
  openWorkspace('a')
  navigate({ view: 'targets' })
  openWorkspace('a', 'ports')
  leaveWorkspace('a')
  expect(here().view).toBe('workspaces')
  goBack()
  expect(here().view).toBe('targets')
  goForward()
  expect(here().view).toBe('workspaces')
})

test('a place is read back as it was stored, else the list is where one begins', () => {
  const place = { view: 'workspace', workspaceId: 'abcdefghij', tab: 'ports' } as const
  expect(readRoute(JSON.stringify(place))).toEqual(place)
  expect(readRoute('{"view":"create","text":"https://me:secret@example.com/x"}')).toEqual({ view: 'create' })
  for (const odd of [
    undefined,
    null,
    '',
    'x',
    'null',
    '{"view":"nowhere"}',
    '{"view":"workspace","tab":"ports"}',
  ])
    expect(readRoute(odd)).toEqual({ view: 'workspaces' })
})
