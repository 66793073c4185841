import { describe, expect, it } from 'vitest'
import { readSample } from './stats'

describe('readSample', () => {
  it('reads version 2', () => {
    expect(
      readSample([
        'time 100.25 50.00',
        'cpu2 usage_usec 2500000',
        'cpu2 user_usec 1',
        'used 1000000',
        'stat anon 5',
        'stat inactive_file 400000',
        'limit 2000000',
      ]),
    ).toEqual({ at: 100_250, cpu: 2_500, memory: 600_000, memoryLimit: 2_000_000 })
  })

  it('reads version 1, whose missing limit is a huge number', () => {
    expect(
      readSample([
        'time 1.00 0.00',
        'cpu1 3000000000',
        'used 500',
        'stat inactive_file 7',
        'stat total_inactive_file 100',
        'limit 9223372036854771712',
      ]),
    ).toEqual({ at: 1_000, cpu: 3_000, memory: 400 })
  })

  it('says when there is nothing to see', () => {
    expect(readSample(['time 1.00 0.00', 'limit max'])).toBeUndefined()
  })
})
