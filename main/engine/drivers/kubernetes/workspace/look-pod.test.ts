import type { V1ContainerState, V1Pod } from '@kubernetes/client-node'
import { describe, expect, it } from 'vitest'
import { isAnswering, lookPod, readLookOutput, readLookPod, readWhoOutput } from './look-pod'

const ended: V1ContainerState = { terminated: { exitCode: 0 } }
const asRoot: V1ContainerState = {
  waiting: {
    reason: 'CreateContainerConfigError',
    message: 'container has runAsNonRoot and image will run as root (pod: "x", container: who)',
  },
}
const asName: V1ContainerState = {
  waiting: {
    reason: 'CreateContainerConfigError',
    message:
      'container has runAsNonRoot and image has non-numeric user (dev), cannot verify user is non-root',
  },
}
const noShell: V1ContainerState = {
  terminated: {
    exitCode: 128,
    reason: 'StartError',
    message: 'exec: "/bin/sh": stat /bin/sh: no such file or directory: unknown',
  },
}
const waiting = (reason: string, message = ''): V1ContainerState => ({ waiting: { reason, message } })

function podOf(look: V1ContainerState, who: V1ContainerState, more: object = {}): V1Pod {
  const status = (name: string, state: V1ContainerState) => ({
    name,
    state,
    image: 'i',
    imageID: 'sha256:1',
    ready: false,
    restartCount: 0,
  })
  return { status: { containerStatuses: [status('look', look), { ...status('who', who), ...more }] } }
}

describe('readLookPod', () => {
  it.each<[string, V1Pod, object]>([
    ['before it runs', {}, { kind: 'waiting' }],
    [
      'while it is pulled',
      podOf(waiting('ContainerCreating'), waiting('ContainerCreating')),
      { kind: 'waiting' },
    ],
    ['half done', podOf(ended, waiting('ContainerCreating')), { kind: 'waiting' }],
    ['a numeric user', podOf(ended, ended), { kind: 'shell', imageId: 'sha256:1' }],
    ['root', podOf(ended, asRoot), { kind: 'shell', imageId: 'sha256:1', user: 'root' }],
    ['a named user', podOf(ended, asName), { kind: 'shell', imageId: 'sha256:1', user: 'dev' }],
    ['no shell, root', podOf(noShell, asRoot), { kind: 'no-shell', imageId: 'sha256:1', user: 'root' }],
    ['no shell, nonroot', podOf(noShell, noShell), { kind: 'no-shell', imageId: 'sha256:1', user: '65532' }],
    [
      'no shell, nonroot, told by a newer server',
      podOf(noShell, noShell, { user: { linux: { uid: 1234 } } }),
      { kind: 'no-shell', imageId: 'sha256:1', user: '1234' },
    ],
    [
      'the first failed pull',
      podOf(waiting('ErrImagePull', 'timeout'), waiting('ErrImagePull', 'timeout')),
      { kind: 'pull-failed', message: 'timeout' },
    ],
    [
      'later failed pulls',
      podOf(waiting('ImagePullBackOff', 'denied'), waiting('ImagePullBackOff', 'denied')),
      { kind: 'pull-failed', message: 'denied' },
    ],
    [
      'another processor',
      podOf({ terminated: { exitCode: 1, message: 'exec format error' } }, asRoot),
      { kind: 'failed', message: 'exec format error (exit code 1)' },
    ],
    ['too late', { status: { reason: 'DeadlineExceeded' } }, { kind: 'failed', message: 'it took too long' }],
  ])('%s', (_, pod, looked) => {
    expect(readLookPod(pod)).toEqual(looked)
  })
})

it.each<[string, V1Pod, boolean]>([
  ['before it runs', {}, false],
  ['while it is pulled', podOf(waiting('ContainerCreating'), waiting('ContainerCreating')), false],
  ['when a pull failed', podOf(waiting('ErrImagePull', 'not found'), waiting('ErrImagePull')), false],
  ['once the node refuses root', podOf(waiting('ContainerCreating'), asRoot), true],
  ['once there is no shell', podOf(noShell, waiting('ContainerCreating')), true],
  ['half done', podOf(ended, waiting('ContainerCreating')), true],
])('knows whether there is an answer yet: %s', (_, pod, answering) => {
  expect(isAnswering(pod)).toBe(answering)
})

it('reads accounts and the environment, without what the cluster put there', () => {
  const environment = ['PATH=/bin', 'ODD=a=b\nc', 'HOME=/', 'HOSTNAME=x', 'KUBERNETES_SERVICE_HOST=10.0.0.1']
  const whole = `berth-passwd\nroot:x:0:0::/root:/bin/sh\n\nberth-group\nextra:x:5:dev\n\nberth-environment\n${environment.join('\0')}\0\nberth-end\n`
  expect(readLookOutput(Buffer.from(whole))).toEqual({
    passwd: 'root:x:0:0::/root:/bin/sh',
    group: 'extra:x:5:dev',
    env: { PATH: '/bin', ODD: 'a=b\nc' },
  })
  for (let length = 0; length < whole.length - 1 - 'berth-end'.length; length++) {
    expect(readLookOutput(Buffer.from(whole.slice(0, length)))).toBeUndefined()
  }
})

it('reads who the image runs as', () => {
  expect(readWhoOutput(Buffer.from('berth-user 1000:50\n'))).toBe('1000:50')
  expect(readWhoOutput(Buffer.from('berth-user 10'))).toBeUndefined()
})

it('passes the restricted Pod Security level', () => {
  const { spec } = lookPod('n', 'team', 'image', { pullSecrets: ['registry'] }, true)
  expect(spec).toMatchObject({
    imagePullSecrets: [{ name: 'registry' }],
    automountServiceAccountToken: false,
    securityContext: { seccompProfile: { type: 'RuntimeDefault' } },
  })
  for (const { securityContext, imagePullPolicy } of spec?.containers ?? []) {
    expect(securityContext).toMatchObject({
      runAsNonRoot: true,
      allowPrivilegeEscalation: false,
      capabilities: { drop: ['ALL'] },
    })
    expect(imagePullPolicy).toBe('Always')
  }
  expect(spec?.containers).toHaveLength(2)
})
