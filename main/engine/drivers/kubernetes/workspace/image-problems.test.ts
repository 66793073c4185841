import type { CoreV1Event, V1Pod } from '@kubernetes/client-node'
import { beforeEach, describe, expect, it } from 'vitest'
import { ManualClock } from '../watch/fake-server'
import { hadNoLoginYet, PullMemory, pullProblem, withWhy } from './image-problems'
import { judge } from './progress'

const noLogin = 'Error response from daemon: no basic auth credentials'
const backOff = 'Back-off pulling image "dev"'

/** A pod with a pull secret, of whose containers a node says this: name, reason and message. */
const saying = (...all: (readonly [string, string, string])[]): V1Pod => ({
  metadata: { uid: 'one' },
  spec: { containers: [], imagePullSecrets: [{ name: 'login' }] },
  status: {
    containerStatuses: all.map(([name, reason, message]) => ({
      name,
      image: 'dev',
      imageID: '',
      ready: false,
      restartCount: 0,
      state: { waiting: { reason, message } },
    })),
  },
})
const failing = (why = noLogin) => saying(['workspace', 'ErrImagePull', why])
const waits = saying(['workspace', 'ImagePullBackOff', backOff])
const failedEvent = (why: string): CoreV1Event => ({
  metadata: {},
  involvedObject: { kind: 'Pod' },
  reason: 'Failed',
  message: `Failed to pull image "dev": ${why}`,
})

let clock: ManualClock
let memory: PullMemory
beforeEach(() => {
  clock = new ManualClock()
  memory = new PullMemory(clock)
})

const codeOf = (pod: V1Pod, events: CoreV1Event[] = []) =>
  judge({ pod, events, unscheduled: 0, pulls: memory.look(pod, events) }).problem?.code

describe('a pull that failed and waits', () => {
  it('is not judged before its event says why', async () => {
    expect(codeOf(waits)).toBeUndefined()
    await clock.advance(5_000)
    expect(codeOf(waits)).toBeUndefined()
    expect(codeOf(waits, [failedEvent('manifest unknown')])).toBe('image-not-found')
  })

  it('is judged by the next try where no event comes', async () => {
    expect(codeOf(waits)).toBeUndefined()
    await clock.advance(10_000)
    expect(codeOf(failing('manifest unknown'))).toBe('image-not-found')
  })

  it('is given up where nobody ever says why', async () => {
    expect(codeOf(waits)).toBeUndefined()
    await clock.advance(26_000)
    expect(codeOf(waits)).toBe('registry-unreachable')
  })

  it('is known by what the status said before, though no event tells', () => {
    expect(codeOf(failing())).toBeUndefined()
    expect(codeOf(waits)).toBeUndefined()
    // With the login that it has by now.
    expect(codeOf(failing())).toBe('registry-auth')
  })

  it('counts the tries of each container by itself', () => {
    expect(codeOf(failing())).toBeUndefined()
    const other = saying(['workspace', 'ImagePullBackOff', backOff], ['database', 'ErrImagePull', noLogin])
    expect(codeOf(other)).toBeUndefined()
    expect(memory.look(other, []).failed).toBe(1)
  })

  it('is forgotten with its pod', () => {
    expect(codeOf(failing())).toBeUndefined()
    const next = { ...failing(), metadata: { uid: 'two' } }
    expect(hadNoLoginYet(next, [], memory.look(next, []))).toBe(true)
  })
})

it('a Problem without a reason gets the one that is known, and others stay', () => {
  const found = pullProblem('dev', backOff)
  expect(withWhy(found, '')).toBe(found)
  expect(withWhy(found, failedEvent('manifest unknown').message ?? '')).toMatchObject({
    code: 'image-not-found',
    title: found.title,
  })
  const told = pullProblem('dev', noLogin)
  expect(withWhy(told, 'manifest unknown')).toBe(told)
})
