import { describe, expect, it } from 'vitest'
import { processUser } from './process-user'

describe('processUser', () => {
  const dev = { name: 'dev', uid: 1000, gid: 1001, home: '/home/dev', shell: '/bin/sh' }

  it.each([
    [dev, 'dev'],
    [{ ...dev, group: 'staff' }, 'dev:staff'],
    [{ ...dev, name: '4711', uid: 4711, gid: 42, group: '42' }, '4711:42'],
    [{ name: 'dev', uid: 1000, gid: 1001, home: '/' }, '1000:1001'],
  ])('of %j is %s', (user, expected) => {
    expect(processUser(user)).toBe(expected)
  })
})
