import { describe, expect, it } from 'vitest'
import type { Room } from '#contract'
import { roomLine, roomTable, unknownText } from './room-text'

const room: Room = {
  allowances: [
    { quota: 'team', resource: 'requests.cpu', limit: '4', used: '2500m', left: '1500m', share: 0.625 },
    { quota: 'team', resource: 'limits.memory', limit: '8Gi', used: '0', left: '8Gi', share: 0 },
  ],
  bounds: [{ of: 'container', resource: 'cpu', max: '2', defaultRequest: '100m' }],
  storageClasses: [
    { name: 'standard', isDefault: true, grows: true },
    { name: 'fast', isDefault: false, grows: false },
  ],
  unknown: [],
}

describe('the room of a namespace', () => {
  it('is a table of what is left', () => {
    const text = roomTable(room).join('\n')
    expect(text).toMatch(/team +CPU +1500m +2500m +4/)
    expect(text).toMatch(/team +Memory limit +8Gi +0 +8Gi/)
    expect(text).toMatch(/container +CPU +2 +100m sure/)
    expect(text).toContain('standard (default), fast')
  })

  it('is one line before a workspace is made, and none without a quota', () => {
    expect(roomLine(room)).toBe('Left in the namespace: CPU 1500m of 4, Memory limit 8Gi of 8Gi.')
    expect(roomLine({ ...room, allowances: [] })).toBeUndefined()
  })

  it('does not take for unlimited what could not be asked', () => {
    const asked = { allowances: [], bounds: [], unknown: [] }
    expect(roomTable(asked)).toEqual(['No quota limits what is in the namespace.'])
    const hidden = { ...asked, unknown: ['list resourcequotas'] }
    expect(roomTable(hidden)).toEqual([])
    expect(unknownText(hidden)).toEqual(['Not known: you may not list resourcequotas.'])
  })
})
