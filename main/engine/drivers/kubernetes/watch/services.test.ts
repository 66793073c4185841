import type { V1ContainerStatus, V1Pod } from '@kubernetes/client-node'
import { describe, expect, it } from 'vitest'
import { imageDefinition, type Service } from '#contract'
import { podState } from './pod-state'
import { isLogBefore, judgeServices, observeServices } from './services'

const service = (name: string, fields: Partial<Service> = {}): Service => ({
  name,
  image: 'alpine',
  env: {},
  mounts: [],
  ports: [],
  aliases: [],
  dependsOn: [],
  restart: 'never',
  ...fields,
})
const definition = {
  ...imageDefinition('debian', 'app'),
  services: [
    service('keys'),
    service('migrate'),
    service('web', {
      dependsOn: [
        { service: 'keys', condition: 'completed' },
        { service: 'migrate', condition: 'completed' },
      ],
    }),
  ],
}

type Status = Partial<V1ContainerStatus>
const ended = (exitCode: number) => ({ terminated: { exitCode } })
const running: Status = { state: { running: {} } }

function podOf(keys: Status, migrate: Status): V1Pod {
  const status = (name: string, fields: Status): V1ContainerStatus => ({
    name: `service-${name}`,
    image: 'alpine',
    imageID: '',
    ready: false,
    restartCount: 0,
    ...fields,
  })
  const once = [{ name: 'once-migrate', mountPath: '/.berth-once' }]
  return {
    spec: {
      initContainers: [{ name: 'service-keys', image: 'alpine' }],
      containers: [{ name: 'service-migrate', image: 'alpine', volumeMounts: once }],
    },
    status: {
      initContainerStatuses: [status('keys', keys)],
      containerStatuses: [status('migrate', migrate), status('web', running)],
    },
  }
}
const told = (keys: Status, migrate: Status) =>
  observeServices(definition, podOf(keys, migrate))
    .slice(0, 2)
    .map(({ state, reason }) => `${state}: ${reason}`)
const done: Status = { state: ended(0) }

describe('services that do their work once', () => {
  it.each<[Status, Status, string, string]>([
    [running, {}, 'running: Running', 'starting: Its node is getting it ready'],
    [done, running, 'ended: Done (exit 0)', 'running: Running'],
    [done, { ...running, ready: true }, 'ended: Done (exit 0)', 'ended: Done (exit 0)'],
    [
      { state: { waiting: { reason: 'CrashLoopBackOff' } }, lastState: ended(2) },
      { state: ended(3) },
      'failed: It ended with code 2, and the cluster tries it again',
      'failed: It ended with code 3',
    ],
    [
      { state: { waiting: { reason: 'ErrImagePull', message: 'no such image\nmore' } } },
      { ...running, lastState: ended(3), restartCount: 1 },
      'failed: ErrImagePull: no such image',
      'failed: It ended with code 3',
    ],
    [
      done,
      { ...running, lastState: { terminated: { exitCode: 137, reason: 'OOMKilled' } } },
      'ended: Done (exit 0)',
      'failed: It ran out of memory',
    ],
  ])('show how they are: %#', (keys, migrate, first, second) => {
    expect(told(keys, migrate)).toEqual([first, second])
  })

  it('end a start that waits for one that failed, and only that', () => {
    const judge = (migrate: Status) => judgeServices(definition, podOf(done, migrate))
    expect(judge(running).problem).toBeUndefined()
    expect(judge({ ...running, ready: true })).toMatchObject({ waitsFor: [] })
    const failed = { state: { terminated: { exitCode: 3, message: 'no table' } } }
    for (const status of [failed, { ...running, lastState: failed.state, restartCount: 1 }])
      expect(judge(status).problem).toMatchObject({
        code: 'service-failed',
        title: 'The service migrate did not come up',
        cause: 'It ended with code 3.',
        detail: 'no table',
      })
  })

  it('that come first are what a pod waits for, or fails by', () => {
    expect(podState(podOf(running, {}), true)).toEqual({ run: 'starting', reason: 'Waiting for keys' })
    expect(podState(podOf({ state: ended(4) }, {}), true)).toMatchObject({
      run: 'failed',
      problem: { code: 'service-failed', cause: 'It ended with code 4.' },
    })
  })

  it('that failed have their log in the container before', () => {
    expect(isLogBefore('migrate', podOf(done, { ...running, lastState: ended(3) }))).toBe(true)
    expect(isLogBefore('migrate', podOf(done, { ...running, ready: true }))).toBe(false)
    expect(isLogBefore('web', podOf(done, running))).toBe(false)
  })
})
