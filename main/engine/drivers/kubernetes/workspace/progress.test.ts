import type { CoreV1Event, V1Pod } from '@kubernetes/client-node'
import { describe, expect, it } from 'vitest'
import { systemClock } from '../../../platform/clock'
import { PullMemory } from './image-problems'
import { judge } from './progress'

const event = (kind: string, reason: string, message: string): CoreV1Event => ({
  metadata: {},
  involvedObject: { kind },
  type: 'Warning',
  reason,
  message,
})
const unscheduled = (message: string): V1Pod => ({
  status: { conditions: [{ type: 'PodScheduled', status: 'False', message }] },
})
const waiting = (reason: string, message: string): V1Pod => ({
  status: {
    containerStatuses: [
      {
        name: 'workspace',
        image: 'dev',
        imageID: '',
        ready: false,
        restartCount: 0,
        state: { waiting: { reason, message } },
      },
    ],
  },
})
/** What is known at the first look. */
const pullsOf = (pod: V1Pod | undefined, events: CoreV1Event[] = []) =>
  new PullMemory(systemClock).look(pod, events)
const codeOf = (pod: V1Pod | undefined, events: CoreV1Event[] = [], unscheduledFor = 0) =>
  judge({ pod, events, unscheduled: unscheduledFor, pulls: pullsOf(pod, events) }).problem?.code

describe('judge', () => {
  it('gives up at once what cannot succeed', () => {
    const quota =
      'pods "ws-0" is forbidden: exceeded quota: q, requested: pods=1, used: pods=0, limited: pods=0'
    expect(codeOf(undefined, [event('StatefulSet', 'FailedCreate', quota)])).toBe('quota-exceeded')
    expect(codeOf(waiting('CreateContainerConfigError', 'secret "x" not found'))).toBe('secret-missing')
    expect(codeOf(waiting('ErrImagePull', 'manifest unknown'))).toBe('image-not-found')
    const unbound = unscheduled('pod has unbound immediate PersistentVolumeClaims')
    const failed = event('PersistentVolumeClaim', 'ProvisioningFailed', 'out of space')
    expect(codeOf(unbound, [failed])).toBe('volume-failed')
  })

  it('goes on where the next try may succeed', () => {
    const account = 'error looking up service account dev/default: serviceaccount "default" not found'
    expect(codeOf(undefined, [event('StatefulSet', 'FailedCreate', account)])).toBeUndefined()
    expect(codeOf(waiting('ErrImagePull', 'dial tcp: i/o timeout'))).toBeUndefined()
    const unbound = unscheduled('pod has unbound immediate PersistentVolumeClaims')
    const slow = 'rpc error: code = DeadlineExceeded desc = context deadline exceeded'
    expect(
      codeOf(unbound, [event('PersistentVolumeClaim', 'ProvisioningFailed', slow)], 60_000),
    ).toBeUndefined()
  })

  it('goes on where a node pulled without the login that it was to have, and not for ever', () => {
    const said = 'Error response from daemon: no basic auth credentials'
    const withSecret = (pod: V1Pod): V1Pod => ({
      ...pod,
      spec: { containers: [], imagePullSecrets: [{ name: 'login' }] },
    })
    const failed = (count: number): CoreV1Event => ({
      ...event('Pod', 'Failed', `Failed to pull image "dev": ${said}`),
      count,
    })
    const first = withSecret(waiting('ErrImagePull', said))
    const later = withSecret(waiting('ImagePullBackOff', 'Back-off pulling image "dev"'))
    expect(codeOf(first)).toBeUndefined()
    expect(codeOf(first, [failed(1)])).toBeUndefined()
    expect(codeOf(later, [failed(1)])).toBeUndefined()
    expect(codeOf(first, [failed(2)])).toBe('registry-auth')
    expect(codeOf(waiting('ErrImagePull', said), [failed(1)])).toBe('registry-auth')
    expect(codeOf(withSecret(waiting('ErrImagePull', 'manifest unknown')))).toBe('image-not-found')
  })

  it('gives a quota a while to count what is gone, unless it never has room', () => {
    const refusal = (used: string, limited: string) =>
      event(
        'StatefulSet',
        'FailedCreate',
        `create Pod ws-0 in StatefulSet ws failed error: pods "ws-0" is forbidden: exceeded quota: q, requested: pods=1,requests.cpu=300m, used: ${used}, limited: ${limited}`,
      )
    const codeAfter = (refused: number, told: CoreV1Event) =>
      judge({ pod: undefined, events: [told], unscheduled: 0, pulls: pullsOf(undefined), refused }).problem
        ?.code
    const full = refusal('pods=1,requests.cpu=300m', 'pods=1,requests.cpu=0.3')
    expect(codeAfter(0, full)).toBeUndefined()
    expect(codeAfter(5_000, full)).toBeUndefined()
    expect(codeAfter(15_000, full)).toBe('quota-exceeded')
    expect(codeAfter(0, refusal('pods=0,requests.cpu=0', 'pods=2,requests.cpu=200m'))).toBe('quota-exceeded')
  })

  it('gives the scheduler a while, and a volume or a node that is being made a longer one', () => {
    const full = unscheduled('0/1 nodes are available: 1 Insufficient cpu.')
    expect(codeOf(full, [], 5_000)).toBeUndefined()
    expect(codeOf(full, [], 15_000)).toBe('unschedulable')
    expect(codeOf(full, [event('Pod', 'TriggeredScaleUp', 'pod triggered scale-up')], 15_000)).toBeUndefined()
    const elsewhere = unscheduled('0/1 nodes are available: 1 node(s) had volume node affinity conflict.')
    expect(codeOf(elsewhere, [], 15_000)).toBe('unschedulable')
    const unbound = unscheduled(
      '0/1 nodes are available: 1 pod has unbound immediate PersistentVolumeClaims.',
    )
    expect(codeOf(unbound, [], 15_000)).toBeUndefined()
  })
})
