import { describe, expect, it } from 'vitest'
import { boundsLines, roomMeters } from './room'

describe('the room of a namespace in words', () => {
  it('is what its quotas leave', () => {
    const allowance = { quota: 'team', resource: 'limits.cpu', limit: '4', used: '1', left: '3', share: 0.25 }
    expect(roomMeters({ allowances: [allowance], bounds: [], unknown: [] })).toEqual([
      { id: 'team limits.cpu', label: 'CPU limit', text: '3 of 4 left', share: 0.25 },
    ])
  })

  it('is what each thing may have', () => {
    expect(boundsLines({ bounds: [] })).toEqual([])
    expect(
      boundsLines({
        bounds: [
          {
            of: 'container',
            resource: 'cpu',
            min: '100m',
            max: '8',
            defaultRequest: '250m',
            defaultLimit: '2',
          },
          { of: 'container', resource: 'memory', max: '16Gi' },
          { of: 'volume', resource: 'storage', min: '1Gi' },
        ],
      }),
    ).toEqual([
      'Each container: CPU 100m to 8, 250m sure, 2 at most if not said; Memory 16Gi at most.',
      'Each volume: Storage 1Gi or more.',
    ])
  })
})
