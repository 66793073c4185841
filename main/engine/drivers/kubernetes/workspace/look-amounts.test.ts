import { describe, expect, it } from 'vitest'
import { lookAmounts } from './look-amounts'

describe('lookAmounts', () => {
  it('halves what the workspace asks for, so that two of them fit where it fits', () => {
    const asked = { requests: { cpu: '1', memory: '1Gi' }, limits: { cpu: '500m' } }
    const [first, second] = lookAmounts(asked)
    expect(first).toEqual({ requests: { cpu: '500m', memory: '536870912' }, limits: { cpu: '250m' } })
    expect(second).toEqual(asked)
  })

  it('leaves to the namespace what nobody asked for, and then asks for little', () => {
    const [first, second] = lookAmounts({})
    expect(first).toEqual({})
    expect(second?.limits).toEqual({ cpu: '200m', memory: '64Mi' })
  })
})
