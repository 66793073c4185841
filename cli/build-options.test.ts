import { resolve } from 'node:path'
import { describe, expect, it } from 'vitest'
import { buildGrants } from './build-options'

describe('what a build is let have', () => {
  it('is nothing unless it is said', () => {
    expect(buildGrants({})).toBeUndefined()
    expect(
      buildGrants({
        buildSecret: ['id=a', 'id=b,env=B', 'id=c,src=some/file'],
        buildSsh: true,
        buildHostNetwork: true,
      }),
    ).toEqual({
      secrets: [{ id: 'a' }, { id: 'b', env: 'B' }, { id: 'c', file: resolve('some/file') }],
      ssh: true,
      hostNetwork: true,
    })
  })

  it.each(['a', 'id=', 'id=a,env=', 'id=a,env=A,src=b', 'id=a,mode=1', 'id=a,id=b', 'id=a b', 'env=A'])(
    'is not what %s says',
    (text) => {
      expect(() => buildGrants({ buildSecret: [text] })).toThrow('--build-secret')
    },
  )

  it('is one thing for each name', () => {
    expect(() => buildGrants({ buildSecret: ['id=a', 'id=a,env=B'] })).toThrow('twice')
  })
})
