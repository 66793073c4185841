import { describe, expect, it } from 'vitest'
import { groupsOf, resolveUser } from './users'

const inside = {
  version: 1,
  hasShell: true,
  passwd:
    'root:x:0:0:root:/root:/bin/bash\n# odd\nbroken:x:\ndev:x:1000:1001::/home/dev:\nweb:x:33:33::/var/www:/usr/sbin/nologin\n',
} as const

describe('resolveUser', () => {
  it.each([
    ['', { name: 'root', uid: 0, gid: 0, home: '/root', shell: '/bin/bash' }],
    ['dev', { name: 'dev', uid: 1000, gid: 1001, home: '/home/dev', shell: '/bin/sh' }],
    ['1000', { name: 'dev', uid: 1000, gid: 1001, home: '/home/dev', shell: '/bin/sh' }],
    ['dev:50', { name: 'dev', uid: 1000, gid: 50, group: '50', home: '/home/dev', shell: '/bin/sh' }],
    ['web', { name: 'web', uid: 33, gid: 33, home: '/var/www', shell: '/bin/sh' }],
    ['4711:42', { name: '4711', uid: 4711, gid: 42, group: '42', home: '/', shell: '/bin/sh' }],
  ])('%s', (user, expected) => {
    expect(resolveUser(user, inside, 'image')).toEqual(expected)
  })

  it('gives no shell where the image has none, and refuses names that are not there', () => {
    const bare = { version: 1, hasShell: false, passwd: '' } as const
    expect(resolveUser('', bare, 'image')).toEqual({ name: 'root', uid: 0, gid: 0, home: '/' })
    expect(() => resolveUser('ghost', inside, 'image')).toThrow(
      expect.objectContaining({ problem: expect.objectContaining({ code: 'user-not-found' }) }),
    )
  })
})

it('knows the groups that count a user among them', () => {
  const group =
    'root:x:0:dev\ndev:x:1001:dev\nnvm:x:994:dev,web\nother:x:5:developer\nbroken:x:y:dev\nempty:x:7:\n'
  const dev = { name: 'dev', uid: 1000, gid: 1001, home: '/home/dev' }
  expect(groupsOf(dev, group)).toEqual([0, 994])
  expect(groupsOf({ ...dev, name: '' }, group)).toEqual([])
  expect(groupsOf(dev, '')).toEqual([])
})
