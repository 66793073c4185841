import type { V1ResourceQuota } from '@kubernetes/client-node'
import { describe, expect, it } from 'vitest'
import type { ContainerOptions, Service } from '#contract'
import { unsaidOf } from '../room/unsaid'
import { containerFit } from './container-options'
import { specOf } from './fixtures'
import { withHostRequirements } from './host-requirements'
import { planWorkspace } from './manifests'
import { preparing } from './pod'
import { ownRequirements, serviceResources } from './service-resources'

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

function podOf(services: Service[], container?: ContainerOptions, shells?: Record<string, boolean>) {
  const spec = specOf({}, { services, ...(container && { container }) })
  const { statefulSet } = planWorkspace(
    { ...spec, image: { ...spec.image, ...(shells && { shells }) } },
    { namespace: 'team', making: '1', options: {}, env: {}, secretName: 's' },
  )
  const pod = statefulSet.spec?.template.spec
  if (!pod) throw new Error('it has a pod')
  const all = [...(pod.initContainers ?? []), ...pod.containers]
  return { pod, of: (name: string) => all.find((one) => one.name === `service-${name}`) }
}

describe('the containers of services', () => {
  it('have what was allowed to each, and of a pod what all have', () => {
    const rights = [
      { kind: 'capability' as const, value: 'NET_ADMIN', service: 'vpn' },
      { kind: 'privileged' as const, value: '', service: 'dind' },
      { kind: 'sysctl' as const, value: 'net.core.somaxconn=1', service: 'vpn' },
      { kind: 'namespace' as const, value: 'pid', service: 'vpn' },
      { kind: 'capability' as const, value: 'SYS_ADMIN', service: 'db' },
    ]
    const allowed = rights.filter(({ value }) => value !== 'SYS_ADMIN')
    const { pod, of } = podOf([service('vpn'), service('dind'), service('db')], { rights, allowed })
    expect(of('vpn')?.securityContext?.capabilities?.add).toContain('NET_ADMIN')
    expect(of('db')?.securityContext?.capabilities?.add).not.toContain('SYS_ADMIN')
    expect(of('db')?.securityContext?.capabilities?.add).not.toContain('NET_ADMIN')
    expect(of('dind')?.securityContext?.privileged).toBe(true)
    const own = pod.containers.find(({ name }) => name === 'workspace')
    expect(own?.securityContext).toMatchObject({ allowPrivilegeEscalation: false })
    expect(own?.securityContext?.privileged).toBeUndefined()
    expect(pod.securityContext?.sysctls).toEqual([{ name: 'net.core.somaxconn', value: '1' }])
    expect(pod.hostPID).toBeUndefined()
    expect(containerFit.right({ kind: 'namespace', value: 'pid', service: 'vpn' })).toContain('all its')
    expect(containerFit.right({ kind: 'namespace', value: 'pid' })).toBeUndefined()
  })

  it('are made as the definition says, and what cannot be is named', () => {
    const container = {
      readOnly: true as const,
      shmSize: 64,
      stopGrace: 90_500,
      capabilitiesDropped: ['CHOWN'],
      init: true as const,
      stopSignal: 'SIGINT',
      processes: 5,
      groups: ['100'],
      labels: { a: 'b' },
      ulimits: [{ name: 'nofile', soft: 1, hard: 2 }],
    }
    const one = service('db', { container, user: 'postgres' })
    const { pod, of } = podOf([one])
    expect(of('db')?.securityContext?.readOnlyRootFilesystem).toBe(true)
    expect(of('db')?.securityContext?.capabilities?.add).not.toContain('CHOWN')
    expect(of('db')?.volumeMounts).toEqual([{ name: 'memory-db', mountPath: '/dev/shm' }])
    expect(pod.terminationGracePeriodSeconds).toBe(91)
    expect(containerFit.service(one).map(({ field }) => field)).toEqual([
      'labels.a',
      'ulimits.nofile',
      'group_add 100',
      'pids_limit',
      'init',
      'stop_signal',
    ])
  })

  it('run before all others, once in a shell, or as the cluster runs them', () => {
    const needs = (name: string) => ({ service: name, condition: 'completed' as const })
    const command = ['do', '$(it)']
    const { pod, of } = podOf(
      [
        service('web', { restart: 'always', dependsOn: [needs('migrate'), needs('bare'), needs('unknown')] }),
        service('db', { restart: 'always', dependsOn: [needs('keys')] }),
        ...['migrate', 'bare'].map((name) =>
          service(name, {
            entrypoint: ['/tool'],
            command,
            dependsOn: [{ service: 'db', condition: 'started' }],
          }),
        ),
        service('unknown', { command, dependsOn: [{ service: 'db', condition: 'started' }] }),
        service('keys'),
        service('seeds', { entrypoint: ['sh', '-c', 'x'], restart: 'on-failure' }),
        service('buckets', { entrypoint: ['sh', '-c', 'x'] }),
      ],
      undefined,
      { migrate: true, bare: false, unknown: true },
    )
    expect(pod.initContainers?.map(({ name }) => name)).toEqual(['prepare', 'service-keys'])
    expect(preparing(pod).map(({ name }) => name)).toEqual(['prepare'])
    expect(of('migrate')?.command?.slice(0, 2)).toEqual(['/bin/sh', '-c'])
    expect(of('migrate')?.command?.slice(3)).toEqual(['berth', '/tool', 'do', '$$(it)'])
    expect(of('migrate')?.args).toBeUndefined()
    expect(of('migrate')?.lifecycle?.postStart?.exec?.command).toContain('berth')
    expect(of('buckets')?.command?.slice(3)).toEqual(['berth', 'sh', '-c', 'x'])
    expect(of('buckets')?.lifecycle).toBeUndefined()
    expect(of('bare')?.command).toEqual(['/tool'])
    expect(of('seeds')?.command).toEqual(['sh', '-c', 'x'])
    expect(of('unknown')?.command).toBeUndefined()
    const records = pod.volumes?.filter(({ name }) => name.startsWith('once-')).map(({ name }) => name)
    expect(records).toEqual(['once-migrate', 'once-buckets'])
  })
})

describe('what services ask of a cluster', () => {
  const mebi = 1024 ** 2
  const of = (container: Service['container'], unsaid?: Parameters<typeof serviceResources>[1]) =>
    serviceResources({ container }, unsaid).resources

  it('is what the definition says, and nothing where it says nothing', () => {
    expect(of(undefined)).toBeUndefined()
    expect(of({ memory: 512 * mebi, memoryReserved: 64 * mebi, cpus: 1.5, cpusReserved: 0.25 })).toEqual({
      requests: { cpu: '250m', memory: '64Mi' },
      limits: { cpu: '1500m', memory: '512Mi' },
    })
    // A limit alone would be asked for as a whole.
    expect(of({ memory: 64 * mebi, cpus: 2 })).toEqual({
      requests: { cpu: '50m', memory: '64Mi' },
      limits: { cpu: '2', memory: '64Mi' },
    })
    expect(of({ memory: 64 * mebi, memoryReserved: 128 * mebi })).toEqual({
      requests: { memory: '64Mi' },
      limits: { memory: '64Mi' },
    })
  })

  it('is what the namespace wants to be told, where that is not said', () => {
    const quotas: V1ResourceQuota[] = [
      { spec: { hard: { 'requests.cpu': '4', memory: '4Gi', 'limits.memory': '8Gi', pods: '10' } } },
      { spec: { hard: { 'limits.cpu': '4' }, scopes: ['Terminating'] } },
    ]
    const unsaid = unsaidOf(quotas, [])
    expect(unsaid).toEqual({ requests: { cpu: '50m', memory: '128Mi' }, limits: { memory: '512Mi' } })
    expect(of(undefined, unsaid)).toEqual(unsaid)
    expect(of({ memoryReserved: 1024 * mebi }, unsaid)).toEqual({
      requests: { cpu: '50m', memory: '1Gi' },
      limits: { memory: '1Gi' },
    })
    const ranges = [
      {
        spec: {
          limits: [
            { type: 'Container', defaultRequest: { cpu: '10m' }, min: { memory: '200Mi' } },
            { type: 'Container', max: { memory: '300Mi' } },
            { type: 'Pod', min: { memory: '2Gi' } },
          ],
        },
      },
    ]
    expect(unsaidOf(quotas, ranges)).toEqual({ requests: { memory: '200Mi' }, limits: { memory: '300Mi' } })
    expect(unsaidOf([], ranges)).toEqual({ requests: {}, limits: {} })
  })

  it('is not asked for twice where the machine must have it', () => {
    const db = { container: { memoryReserved: 64 * mebi, cpusReserved: 0.5 } }
    const left = ownRequirements({ cpus: 0.5, memory: 192 * mebi, storage: 5 }, [db, db])
    expect(left).toEqual({ memory: 64 * mebi, storage: 5 })
    expect(withHostRequirements({}, left).requests).toEqual({ memory: '64Mi' })
  })
})
