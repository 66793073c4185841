import type { V1ContainerStatus, V1Pod } from '@kubernetes/client-node'
import { describe, expect, it } from 'vitest'
import { emptyDefinition, type Service } from '#contract'
import { refuseWithoutShell, serviceInPod } from './service-exec'

const db: Service = {
  ...{ name: 'db', image: 'postgres', env: {}, mounts: [], ports: [], aliases: [], dependsOn: [] },
  restart: 'always',
}
const definition = { ...emptyDefinition('app'), format: 'image' as const, services: [db] }

/** A pod whose service is so; `once`: its container goes on when its work is done. */
function pod(
  state: Partial<V1ContainerStatus>,
  { once = false, uid }: { once?: boolean; uid?: number } = {},
): V1Pod {
  const mounts = once ? [{ name: 'once-db', mountPath: '/.berth-once' }] : []
  const container = {
    name: 'service-db',
    volumeMounts: mounts,
    ...(uid !== undefined && { securityContext: { runAsUser: uid } }),
  }
  const status = {
    name: 'service-db',
    image: '',
    imageID: 'sha256:1',
    ready: false,
    restartCount: 0,
    ...state,
  }
  return { spec: { containers: [container] }, status: { containerStatuses: [status] } }
}

const running = { state: { running: {} } }

describe('a service in a pod', () => {
  it('runs as whom its container names, and tells its image', () => {
    expect(serviceInPod(definition, pod(running, { uid: 999 }), 'db')).toEqual({
      runs: true,
      reason: 'Running',
      imageId: 'sha256:1',
      runsAs: { uid: 999, gid: 0 },
    })
    expect(serviceInPod(definition, pod(running), 'db')).not.toHaveProperty('runsAs')
  })

  it('does not run once its work is done, though its container waits for what comes', () => {
    const done = pod({ ...running, ready: true }, { once: true })
    expect(serviceInPod(definition, done, 'db')).toMatchObject({ runs: false, reason: 'Done (exit 0)' })
  })

  it.each([
    [
      'is being started again',
      { state: { waiting: { reason: 'CrashLoopBackOff' } }, lastState: { terminated: { exitCode: 3 } } },
      'It ended with code 3',
    ],
    [
      'is not there yet',
      { state: { waiting: { reason: 'ContainerCreating' } } },
      'Its node is getting it ready',
    ],
  ])('does not run while it %s', (_, state, reason) => {
    expect(serviceInPod(definition, pod(state), 'db')).toMatchObject({
      runs: false,
      reason: expect.stringContaining(reason),
    })
  })
})

describe('a service without a shell', () => {
  const command = ['/db']
  const refused = expect.objectContaining({ problem: expect.objectContaining({ code: 'unsupported' }) })

  it('is refused a folder, and variables that somebody wants', () => {
    expect(() => refuseWithoutShell('db', { command, cwd: '/' }, '')).toThrow(refused)
    const tty = { columns: 80, rows: 24 }
    expect(() => refuseWithoutShell('db', { command, tty, env: { TERM: 'x', A: 'b' } }, '')).toThrow(refused)
  })

  it('does without what a terminal tells', () => {
    expect(() =>
      refuseWithoutShell('db', { command, env: { TERM: 'x', TERM_PROGRAM: 'y' } }, ''),
    ).not.toThrow()
  })
})
