import { describe, expect, it } from 'vitest'
import { UsageError } from '../exit-codes'
import { parseEnvironment } from './exec'

describe('parseEnvironment', () => {
  it('takes values from the entry, or from here', () => {
    expect(parseEnvironment(['A=1=2', 'HOME', 'NOT_HERE', 'E='], { HOME: '/root' })).toEqual({
      A: '1=2',
      HOME: '/root',
      E: '',
    })
  })

  it('refuses a value without a name', () => {
    expect(() => parseEnvironment(['=x'], {})).toThrow(UsageError)
  })
})
