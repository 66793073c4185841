import { describe, expect, it } from 'vitest'
import type { ContainerOptions, Right, Service } from '#contract'
import type { WorkspaceSpec } from '../../driver'
import { containerFit } from './container-options'
import { specOf } from './fixtures'
import { planWorkspace } from './manifests'

const podOf = (
  container: ContainerOptions | undefined,
  user: Partial<WorkspaceSpec['image']['user']> = {},
) => {
  const { image } = specOf()
  const spec = specOf(
    { image: { ...image, user: { ...image.user, ...user } } },
    container ? { container } : {},
  )
  const { statefulSet } = planWorkspace(spec, {
    namespace: 'team',
    making: 'abc',
    options: {},
    env: {},
    secretName: 'ws-tabcdefghi',
  })
  const pod = statefulSet.spec?.template.spec
  const own = pod?.containers.find(({ name }) => name === 'workspace')
  if (!pod || !own) throw new Error('no pod')
  return { pod, own }
}
const allowed = (...rights: Right[]): ContainerOptions => ({ rights, allowed: rights })

const every: Right[] = [
  { kind: 'privileged', value: '' },
  { kind: 'capability', value: 'SYS_PTRACE' },
  { kind: 'securityOption', value: 'seccomp=unconfined' },
  { kind: 'device', value: '/dev/fuse:/dev/fuse:rwm' },
  { kind: 'namespace', value: 'network' },
  { kind: 'namespace', value: 'pid' },
  { kind: 'namespace', value: 'ipc' },
  { kind: 'sysctl', value: 'net.core.somaxconn=1024' },
]

describe('rights in a pod', () => {
  it('are not there without being allowed: the pod is the restricted one', () => {
    const usual = podOf(undefined)
    expect(podOf({ rights: every })).toEqual(usual)
    expect(podOf({ rights: every, allowed: [] })).toEqual(usual)
    expect(podOf({ rights: [], allowed: every })).toEqual(usual)
  })

  it('are a capability, which takes programs that give it', () => {
    const trace: Right = { kind: 'capability', value: 'SYS_PTRACE' }
    const { own, pod } = podOf(allowed(trace))
    expect(own.securityContext).toEqual({
      runAsUser: 1000,
      runAsGroup: 1001,
      runAsNonRoot: true,
      allowPrivilegeEscalation: true,
      capabilities: { drop: ['ALL'], add: ['SYS_PTRACE'] },
    })
    expect(pod.initContainers?.[0]?.securityContext?.capabilities).toEqual({ drop: ['ALL'] })
    const still = podOf({ ...allowed(trace), noNewPrivileges: true }).own.securityContext
    expect(still?.allowPrivilegeEscalation).toBe(false)
  })

  it('are all of them for one that is privileged', () => {
    const { own, pod } = podOf(allowed(...every))
    expect(own.securityContext).toEqual({
      runAsUser: 1000,
      runAsGroup: 1001,
      runAsNonRoot: true,
      privileged: true,
      allowPrivilegeEscalation: true,
      seccompProfile: { type: 'Unconfined' },
    })
    expect(pod).toMatchObject({
      hostNetwork: true,
      dnsPolicy: 'ClusterFirstWithHostNet',
      hostPID: true,
      shareProcessNamespace: false,
      hostIPC: true,
      securityContext: {
        seccompProfile: { type: 'RuntimeDefault' },
        sysctls: [{ name: 'net.core.somaxconn', value: '1024' }],
      },
    })
    expect(pod.volumes?.every((volume) => volume.hostPath === undefined)).toBe(true)
  })

  it('are those of root without what is dropped', () => {
    const root = { name: 'root', uid: 0, gid: 0, home: '/root' }
    const usual = podOf(undefined, root).own.securityContext?.capabilities?.add ?? []
    const less = podOf({ rights: [], capabilitiesDropped: ['CHOWN'] }, root).own.securityContext
    expect(less?.capabilities?.add).toEqual(usual.filter((name) => name !== 'CHOWN'))
    const none = podOf({ rights: [], capabilitiesDropped: ['ALL'] }, root).own.securityContext
    expect(none?.capabilities).toEqual({ drop: ['ALL'] })
  })
})

describe('what is harmless in a pod', () => {
  it('is there without being allowed', () => {
    const { pod, own } = podOf({
      rights: [],
      shmSize: 1024,
      groups: ['4242', 'docker'],
      extraHosts: [
        { name: 'Far.test', address: '10.0.0.5' },
        { name: 'gate', address: 'host-gateway' },
        { name: 'too', address: '10.0.0.5' },
      ],
      dns: ['1.1.1.1', '2.2.2.2', '3.3.3.3', '4.4.4.4'],
      dnsOptions: ['ndots:2'],
    })
    expect(own.volumeMounts).toContainEqual({ name: 'shared-memory', mountPath: '/dev/shm' })
    expect(pod.volumes).toContainEqual({
      name: 'shared-memory',
      emptyDir: { medium: 'Memory', sizeLimit: '1024' },
    })
    expect(pod.securityContext?.supplementalGroups).toEqual([4242])
    expect(pod.hostAliases).toEqual([{ ip: '10.0.0.5', hostnames: ['far.test', 'too'] }])
    expect(pod.dnsConfig).toEqual({
      nameservers: ['1.1.1.1', '2.2.2.2', '3.3.3.3'],
      options: [{ name: 'ndots', value: '2' }],
    })
    expect(own.securityContext).toEqual(podOf(undefined).own.securityContext)
  })

  it('is named where a pod cannot have it', () => {
    const named = containerFit.options({
      rights: [],
      hostname: 'box',
      extraHosts: [
        { name: 'gate', address: 'host-gateway' },
        { name: 'fine', address: '10.0.0.5' },
        { name: 'a_b', address: '10.0.0.5' },
      ],
      ulimits: [{ name: 'nofile', soft: 1, hard: 1 }],
      groups: ['docker', '5'],
      memory: 1,
      cpus: 1,
    })
    expect(named.map(({ field }) => field)).toEqual([
      'hostname',
      'add-host gate',
      'add-host a_b',
      'ulimit nofile',
      'group-add docker',
      'memory',
      'cpus',
    ])
    expect(every.filter((right) => containerFit.right(right)).map(({ kind }) => kind)).toEqual(['device'])
  })

  it('of a service is named as well: it has no pod of its own', () => {
    const service: Service = {
      name: 'db',
      image: 'x',
      env: {},
      mounts: [],
      ports: [],
      aliases: [],
      dependsOn: [],
      restart: 'always',
    }
    expect(containerFit.service(service)).toEqual([])
    expect(containerFit.service({ ...service, ownPod: true }).map(({ field }) => field)).toEqual([
      'dedicatedPod',
    ])
  })
})
