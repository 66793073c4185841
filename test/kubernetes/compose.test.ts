import { expect, it } from 'vitest'
import { TEST_IMAGES } from '../harness/images'
import { type ClusterRig, withClusterRig } from './cluster-rig'

// What Compose files say that only a cluster can tell whether it was done.

let namespace: ClusterRig['namespace']
let rig: ClusterRig['rig']
let source: ClusterRig['source']
withClusterRig((made) => {
  ;({ namespace, rig, source } = made)
  made.machine.env.BERTH_TEST_TOKEN = 'of-this-machine'
})

interface PodJson {
  readonly spec: {
    readonly containers: readonly {
      readonly name: string
      readonly resources: { readonly requests?: object; readonly limits?: object }
      readonly securityContext: { readonly capabilities?: { readonly add?: readonly string[] } }
    }[]
  }
  readonly status: {
    readonly containerStatuses: readonly { readonly name: string; readonly restartCount: number }[]
  }
}

it('gives services what was allowed, amounts that a quota wants to be told, and one run of what ends', async () => {
  await namespace.makeQuota('amounts', 'requests.cpu=2,requests.memory=2Gi,limits.memory=2Gi')
  const image = TEST_IMAGES.alpine
  const folder = source('composed', {
    '.devcontainer.json': JSON.stringify({ dockerComposeFile: 'compose.yml', service: 'app' }),
    'compose.yml': JSON.stringify({
      services: {
        app: { image, command: 'sleep infinity', secrets: ['token'], configs: ['motd'] },
        db: {
          image,
          command: ['sleep', '86400'],
          cap_add: ['SYS_PTRACE'],
          deploy: {
            resources: { limits: { memory: '256M' }, reservations: { cpus: '0.02', memory: '16M' } },
          },
        },
        bad: {
          image,
          entrypoint: ['sh', '-c', 'echo ran >> /data/ran; exit 3'],
          volumes: ['data:/data'],
          depends_on: ['db'],
        },
        seen: {
          image,
          command: ['sleep', '86400'],
          volumes: ['data:/data'],
          secrets: [{ source: 'token', target: '/etc/key', uid: '70', mode: '0400' }],
        },
      },
      secrets: { token: { environment: 'BERTH_TEST_TOKEN' } },
      configs: { motd: { content: ' says hello\n' } },
      volumes: { data: null },
    }),
  })
  const { id, definition } = await rig.up(folder, {
    allowRights: true,
    kubernetes: { requests: { cpu: '20m', memory: '64Mi' }, limits: { memory: '256Mi' } },
  })
  const read = async (): Promise<PodJson> =>
    JSON.parse(await namespace.kubectl('get', 'pod', `ws-${id}-0`, '-o', 'json'))
  const of = (pod: PodJson, name: string) => pod.spec.containers.find((one) => one.name === `service-${name}`)
  const pod = await read()
  expect(of(pod, 'db')?.securityContext.capabilities?.add).toContain('SYS_PTRACE')
  expect(of(pod, 'seen')?.securityContext.capabilities?.add).not.toContain('SYS_PTRACE')
  expect(of(pod, 'db')?.resources).toEqual({
    requests: { cpu: '20m', memory: '16Mi' },
    limits: { memory: '256Mi' },
  })
  expect(of(pod, 'seen')?.resources).toEqual({
    requests: { cpu: '50m', memory: '128Mi' },
    limits: { memory: '512Mi' },
  })
  const restarts = ({ status }: PodJson) =>
    status.containerStatuses.find(({ name }) => name === 'service-bad')?.restartCount ?? 0
  await expect.poll(async () => restarts(await read())).toBeGreaterThan(0)
  await expect
    .poll(() => rig.workspace(id).services?.find(({ name }) => name === 'bad'))
    .toMatchObject({ state: 'failed', reason: 'It ended with code 3' })
  const inSeen = (...command: string[]) =>
    namespace.kubectl('exec', `ws-${id}-0`, '-c', 'service-seen', '--', ...command)
  expect(await inSeen('cat', '/data/ran')).toBe('ran\n')
  expect(await inSeen('cat', '/etc/key')).toBe('of-this-machine')
  expect(await inSeen('stat', '-L', '-c', '%a', '/etc/key')).toBe('444\n')
  expect(definition.notApplied.map(({ field }) => field)).toContain('services.seen.owner of /etc/key')
  expect(await rig.run(id, 'cat', '/run/secrets/token', '/motd')).toBe('of-this-machine says hello\n')
  const told = await namespace.kubectl('get', 'pod,statefulset,pvc', '-o', 'json')
  expect(told).not.toContain('of-this-machine')
})
