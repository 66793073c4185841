import { describe, expect, it } from 'vitest'
import type { ContainerOptions, Right } from '#contract'
import { engineOptions } from './options'

const rights: Right[] = [
  { kind: 'privileged', value: '' },
  { kind: 'capability', value: 'SYS_PTRACE' },
  { kind: 'securityOption', value: 'seccomp=unconfined' },
  { kind: 'device', value: '/dev/fuse:/dev/inside:rw' },
  { kind: 'deviceRule', value: 'c 189:* rmw' },
  { kind: 'namespace', value: 'network' },
  { kind: 'namespace', value: 'uts' },
  { kind: 'sysctl', value: 'net.core.somaxconn=1=2' },
]
const of = (container: ContainerOptions) => engineOptions({ container })

describe('engineOptions', () => {
  it('makes nothing of rights that were not allowed', () => {
    expect(of({ rights })).toEqual({ host: {}, extraHosts: [] })
    expect(of({ rights: [], allowed: rights })).toEqual({ host: {}, extraHosts: [] })
    expect(engineOptions({})).toEqual({ host: {}, extraHosts: [] })
  })

  it('makes exactly what was allowed', () => {
    expect(of({ rights, allowed: [rights[1] as Right] }).host).toEqual({ CapAdd: ['SYS_PTRACE'] })
    expect(of({ rights, allowed: rights, hostname: 'box' })).toEqual({
      // The engine refuses a name of its own beside the machine's.
      hostname: '',
      extraHosts: [],
      host: {
        Privileged: true,
        CapAdd: ['SYS_PTRACE'],
        SecurityOpt: ['seccomp=unconfined'],
        Devices: [{ PathOnHost: '/dev/fuse', PathInContainer: '/dev/inside', CgroupPermissions: 'rw' }],
        DeviceCgroupRules: ['c 189:* rmw'],
        NetworkMode: 'host',
        UTSMode: 'host',
        Sysctls: { 'net.core.somaxconn': '1=2' },
      },
    })
  })

  it('makes what is harmless without being asked', () => {
    expect(
      of({
        rights: [],
        hostname: 'box',
        extraHosts: [{ name: 'gate', address: 'host-gateway' }],
        shmSize: 64,
        ulimits: [{ name: 'nofile', soft: 1, hard: 2 }],
        groups: ['100'],
        memory: 1024,
        cpus: 1.5,
        capabilitiesDropped: ['NET_RAW'],
        noNewPrivileges: true,
      }),
    ).toEqual({
      hostname: 'box',
      extraHosts: ['gate:host-gateway'],
      host: {
        CapDrop: ['NET_RAW'],
        SecurityOpt: ['no-new-privileges'],
        GroupAdd: ['100'],
        Ulimits: [{ Name: 'nofile', Soft: 1, Hard: 2 }],
        ShmSize: 64,
        Memory: 1024,
        NanoCpus: 1_500_000_000,
      },
    })
  })
})
