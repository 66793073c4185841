import { describe, expect, it } from 'vitest'
import type { Session } from '#contract'
import { greetingFor } from './greeting'

const of = (...states: Session['state'][]) => greetingFor(states.map((state) => ({ state })))

describe('the first terminal of a run', () => {
  it('opens by itself where there is none, or those of the run before have ended', () => {
    expect(of()).toBe('yes')
    expect(of('ended', 'ended')).toBe('yes')
  })

  it('does not where there is one', () => {
    expect(of('ended', 'running')).toBe('no')
    expect(of('starting')).toBe('no')
    expect(of('reconnecting', 'running')).toBe('no')
  })

  it('waits for word of those that are being reconnected to', () => {
    expect(of('reconnecting')).toBe('later')
    expect(of('ended', 'reconnecting')).toBe('later')
  })
})
