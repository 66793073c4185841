import { describe, expect, it } from 'vitest'
import { amountsText } from './kubernetes-options'

describe('amountsText', () => {
  it('is a few words', () => {
    expect(amountsText(undefined)).toBe('')
    expect(amountsText({ labels: { team: 'tides' } })).toBe('')
    expect(
      amountsText({
        requests: { cpu: '1' },
        limits: { cpu: '2', memory: '4Gi' },
        gpu: { resource: 'nvidia.com/gpu', count: 1 },
        storage: '20Gi',
      }),
    ).toBe('CPU 1 up to 2, memory up to 4Gi, 1 GPU, volume 20Gi')
  })
})
