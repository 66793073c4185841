import type { CoreV1Event } from '@kubernetes/client-node'
import { describe, expect, it } from 'vitest'
import { inOrder, lastWarning } from './events'

type Time = NonNullable<CoreV1Event['lastTimestamp']>

/** Over the wire a time is text. */
const wire = (text: string) => text as unknown as Time

/** As a scheduler writes it: microseconds, and no time of the last occurrence. */
const scheduled = (name = 'Scheduled') =>
  ({
    metadata: { name },
    involvedObject: { kind: 'Pod' },
    reason: 'Scheduled',
    type: 'Normal',
    eventTime: wire('2024-05-01T10:00:00.914203Z'),
  }) as CoreV1Event

/** As a kubelet writes it: whole seconds. */
const ofKubelet = (reason: string, { type = 'Normal', second = 0, name = reason } = {}) =>
  ({
    metadata: { name },
    involvedObject: { kind: 'Pod' },
    reason,
    type,
    lastTimestamp: wire(`2024-05-01T10:00:0${second}Z`),
  }) as CoreV1Event

const reasons = (...events: CoreV1Event[]) => inOrder(events).map(({ reason }) => reason)

describe('the order of events', () => {
  it('is that of their seconds', () => {
    expect(reasons(ofKubelet('Pulled', { second: 2 }), ofKubelet('Pulling', { second: 1 }))).toEqual([
      'Pulling',
      'Pulled',
    ])
  })

  it('puts nothing that a kubelet did before the scheduling in the same second', () => {
    expect(reasons(scheduled(), ofKubelet('Pulling'))).toEqual(['Scheduled', 'Pulling'])
  })

  it('is the true one within a second where names tell it, whichever came first', () => {
    const first = scheduled('ws-a-0.17cb560f5d9b1a00')
    const second = ofKubelet('Pulling', { name: 'ws-a-0.17cb560f61337400' })
    expect(reasons(second, first)).toEqual(['Scheduled', 'Pulling'])
    expect(reasons(first, second)).toEqual(['Scheduled', 'Pulling'])
  })
})

describe('the last warning', () => {
  it('counts in the second in which its pod was scheduled', () => {
    const warning = ofKubelet('FailedMount', { type: 'Warning' })
    expect(lastWarning(inOrder([scheduled(), warning]), ['FailedMount'])).toBe(warning)
  })

  it('does not once something went on in a later second', () => {
    const warning = ofKubelet('FailedMount', { type: 'Warning' })
    const later = ofKubelet('Pulling', { second: 1 })
    expect(lastWarning([warning, later], ['FailedMount'])).toBeUndefined()
  })
})
