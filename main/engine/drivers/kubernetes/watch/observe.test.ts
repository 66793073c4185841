import type { V1ContainerState, V1ContainerStatus, V1Pod } from '@kubernetes/client-node'
import { describe, expect, it } from 'vitest'
import { specOf } from '../workspace/fixtures'
import { planWorkspace } from '../workspace/manifests'
import { observe } from './observe'

const { statefulSet, claim } = planWorkspace(specOf(), {
  namespace: 'team',
  making: 'abc',
  options: {},
  env: {},
  secretName: 's',
  replacing: {},
})
const annotated = <T extends { metadata?: { annotations?: Record<string, string> } }>(
  object: T,
  more: Record<string, string>,
): T => ({
  ...object,
  metadata: { ...object.metadata, annotations: { ...object.metadata?.annotations, ...more } },
})
const settled = annotated(statefulSet, { 'berth.dev/replacing': 'false' })
const scaled = (replicas: number) => ({ ...settled, spec: { ...settled.spec, replicas } }) as typeof settled

function podOf(
  state: V1ContainerState,
  status: Partial<V1Pod['status']> = {},
  main: Partial<V1ContainerStatus> = {},
): V1Pod {
  const container = {
    name: 'workspace',
    image: 'x',
    imageID: '',
    ready: true,
    restartCount: 0,
    state,
    ...main,
  }
  return {
    metadata: { name: 'ws-tabcdefghi-0', uid: 'u1' },
    spec: { containers: [], nodeName: 'node-1' },
    status: { phase: 'Running', containerStatuses: [container as V1ContainerStatus], ...status },
  }
}
// As it comes over the wire.
const date = '2026-01-02T03:04:05Z' as unknown as Date
const waitingFor = (reason: string, message = '') =>
  podOf({ waiting: { reason, message } }, { phase: 'Pending' })
const seen = (replicas: number, pod?: V1Pod) => observe({ statefulSet: scaled(replicas), claim, pod })

describe('a workspace that its agent has ended', () => {
  const message = JSON.stringify({
    berth: 'idle',
    at: 1_700_000_000_000,
    after: 1_800_000,
    last: { reason: 'output', what: 'make', at: 1 },
  })
  const terminated = { exitCode: 0, message }
  const reason = 'Stopped by Berth after 30 minutes without activity; last: output of make'

  it.each<[string, V1Pod]>([
    [
      'that waits since',
      podOf({ running: { startedAt: date } }, {}, { lastState: { terminated }, restartCount: 1 }),
    ],
    ['that is about to be started again', podOf({ terminated })],
    [
      'that waits to be',
      podOf({ waiting: { reason: 'CrashLoopBackOff' } }, {}, { lastState: { terminated } }),
    ],
  ])('%s is stopped, and says why', (_what, pod) => {
    const observed = seen(1, pod)
    expect(observed).toMatchObject({
      run: 'stopped',
      reason,
      parked: true,
      lastStop: { at: 1_700_000_000_000, reason },
    })
    expect(observed?.incarnation).toBeUndefined()
    expect(observed?.startedAt).toBeUndefined()
    expect(observed?.problem).toBeUndefined()
  })

  it('is not one that ended otherwise, whatever it wrote', () => {
    const running = { running: { startedAt: date } }
    for (const ended of [{ exitCode: 137, message }, { exitCode: 0 }, { exitCode: 0, message: 'bye' }])
      expect(seen(1, podOf(running, {}, { lastState: { terminated: ended } }))?.run).toBe('running')
  })

  it('is told from the claim after its pod has gone', () => {
    const noted = annotated(claim, {
      'berth.dev/idle': '{"minutes":30,"whileClosed":true}',
      'berth.dev/last-stop': JSON.stringify({ at: 5, reason }),
    })
    const observed = observe({ statefulSet: scaled(0), claim: noted })
    expect(observed).toMatchObject({
      run: 'stopped',
      idle: { minutes: 30, whileClosed: true },
      lastStop: { at: 5, reason },
    })
    expect(observed?.parked).toBeUndefined()
  })
})

describe('observe', () => {
  it.each<[string, number, V1Pod | undefined, string, string | undefined]>([
    ['stopped', 0, undefined, 'stopped', undefined],
    ['no pod yet', 1, undefined, 'starting', undefined],
    ['running', 1, podOf({ running: { startedAt: date } }), 'running', undefined],
    ['about to stop', 0, podOf({ running: {} }), 'stopping', undefined],
    [
      'ending',
      0,
      { ...podOf({ running: {} }), metadata: { deletionTimestamp: date } },
      'stopping',
      undefined,
    ],
    [
      'being replaced by its controller',
      1,
      { ...podOf({ running: {} }), metadata: { deletionTimestamp: date } },
      'starting',
      undefined,
    ],
    [
      'evicted',
      1,
      podOf({ terminated: { exitCode: 137 } }, { phase: 'Failed', reason: 'Evicted' }),
      'starting',
      undefined,
    ],
    ['pulling', 1, waitingFor('ContainerCreating'), 'starting', undefined],
    ['image missing', 1, waitingFor('ErrImagePull', 'manifest unknown'), 'failed', 'image-not-found'],
    [
      'misconfigured',
      1,
      waitingFor('CreateContainerConfigError', 'secret "x" not found'),
      'failed',
      'secret-missing',
    ],
    ['ended', 1, podOf({ terminated: { exitCode: 3 } }), 'failed', 'workspace-exited'],
    [
      'crash loop',
      1,
      podOf({ waiting: { reason: 'CrashLoopBackOff' } }, {}, { lastState: { terminated: { exitCode: 1 } } }),
      'failed',
      'workspace-exited',
    ],
    [
      'out of memory',
      1,
      podOf({ terminated: { exitCode: 137, reason: 'OOMKilled' } }),
      'failed',
      'workspace-exited',
    ],
    [
      'node lost',
      1,
      podOf(
        { running: {} },
        { conditions: [{ type: 'Ready', status: 'Unknown', reason: 'NodeStatusUnknown' }] },
      ),
      'failed',
      'node-lost',
    ],
    [
      'no node',
      1,
      {
        status: {
          phase: 'Pending',
          conditions: [{ type: 'PodScheduled', status: 'False', message: '0/1 nodes are available' }],
        },
      },
      'starting',
      undefined,
    ],
  ])('%s', (_, replicas, pod, run, code) => {
    const workspace = seen(replicas, pod)
    expect(workspace?.run).toBe(run)
    expect(workspace?.problem?.code).toBe(code)
    expect(workspace?.reason).toMatch(/^\S.*[^.\s]$/)
    expect(workspace?.incarnation === undefined).toBe(run !== 'running')
  })

  it('tells since when and as which instance it runs', () => {
    const pod = podOf({ running: { startedAt: date } }, {}, { containerID: 'docker://abc' })
    expect(seen(1, pod)).toMatchObject({
      startedAt: Date.parse('2026-01-02T03:04:05Z'),
      incarnation: 'u1@docker://abc',
      instance: 'ws-tabcdefghi-0',
      complete: true,
    })
  })

  it('shows what is replaced until the replacement is committed', () => {
    const replacement = annotated(statefulSet, { 'berth.dev/image': 'new', 'berth.dev/replacing': 'true' })
    expect(observe({ statefulSet: replacement, claim })).toMatchObject({
      image: 'debian:bookworm',
      replacing: true,
    })
    expect(observe({ statefulSet: annotated(settled, { 'berth.dev/image': 'new' }), claim })).toMatchObject({
      image: 'new',
      replacing: false,
    })
  })

  it('is ending where its StatefulSet is gone and its pod is about to go after it', () => {
    const ownerReferences = [{ apiVersion: 'apps/v1', kind: 'StatefulSet', name: 'ws-a', uid: '1' }]
    expect(observe({ claim, pod: { metadata: { ownerReferences } } })).toMatchObject({ run: 'stopping' })
    expect(observe({ claim, pod: { metadata: {} } })).toMatchObject({ run: 'missing' })
  })

  it('is missing where a complete one has its claim alone', () => {
    expect(observe({ claim })).toMatchObject({ run: 'missing', complete: true, name: 'app' })
    expect(observe({ claim: annotated(claim, { 'berth.dev/complete': 'false' }) })).toMatchObject({
      run: 'stopped',
      complete: false,
    })
    const going = { ...claim, metadata: { ...claim.metadata, deletionTimestamp: date } }
    expect(observe({ claim: going })?.run).toBe('stopping')
    expect(observe({})).toBeUndefined()
    expect(observe({ pod: podOf({ running: {} }) })).toBeUndefined()
  })
})
