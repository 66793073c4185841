import { describe, expect, it } from 'vitest'
import { UsageError } from './exit-codes'
import { parsePortPair } from './port-argument'

describe('parsePortPair', () => {
  it('reads one number, or two', () => {
    expect(parsePortPair('8501')).toEqual({ port: 8501 })
    expect(parsePortPair('8501:18501')).toEqual({ port: 8501, localPort: 18501 })
  })

  it.each(['', '0', '65536', '80:0', 'http', '80:', ':80', '1:2:3', '-1', ' 80'])('refuses %j', (text) => {
    expect(() => parsePortPair(text)).toThrow(UsageError)
  })
})
