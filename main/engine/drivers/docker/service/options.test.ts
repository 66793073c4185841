import { describe, expect, it } from 'vitest'
import { containerFit, serviceOptions } from './options'
import { sharedMemory } from './plan'

describe('volumes', () => {
  it('of which a file says how large they are are named once, and those in memory have a limit', () => {
    const mounts = [
      { type: 'volume' as const, source: 'm2', target: '/m2', size: 5, ofWorkspace: true },
      { type: 'volume' as const, source: 'm2', target: '/other', size: 5 },
      { type: 'volume' as const, source: 'plain', target: '/plain' },
      { type: 'tmpfs' as const, source: 'cache', target: '/cache', size: 1024 },
    ]
    expect(containerFit.volumes?.(mounts).map(({ field }) => field)).toEqual(['size of the volume m2'])
    const shared = mounts.flatMap((mount) => sharedMemory('tabcdefghi', 'making', mount) ?? [])
    expect(shared).toMatchObject([
      {
        Type: 'volume',
        Source: 'berth-tabcdefghi-memory-cache-1024',
        VolumeOptions: { DriverConfig: { Options: { type: 'tmpfs', o: 'size=1024,mode=1777' } } },
      },
    ])
  })
})

describe('serviceOptions', () => {
  it('gives a service what was allowed to it, and what is harmless unasked', () => {
    const trace = { kind: 'capability' as const, value: 'SYS_PTRACE' }
    const rights = [
      trace,
      { ...trace, service: 'db' },
      { kind: 'privileged' as const, value: '', service: 'cache' },
    ]
    const container = {
      labels: { a: 'b' },
      memory: 64,
      cpus: 64,
      memoryReserved: 32,
      cpusReserved: 0.5,
      processes: 5,
      readOnly: true as const,
      init: true as const,
      stopSignal: 'SIGINT',
      stopGrace: 1_500,
      shmSize: 16,
    }
    expect(serviceOptions({ container: { rights, allowed: rights } }, { name: 'db', container })).toEqual({
      labels: { a: 'b' },
      body: { StopSignal: 'SIGINT', StopTimeout: 2 },
      host: {
        CapAdd: ['SYS_PTRACE'],
        Memory: 64,
        // More than the machine may have: as a number of processors the engine would refuse it.
        CpuPeriod: 100_000,
        CpuQuota: 6_400_000,
        MemoryReservation: 32,
        PidsLimit: 5,
        ReadonlyRootfs: true,
        Init: true,
        ShmSize: 16,
      },
    })
    expect(serviceOptions({ container: { rights, allowed: [trace] } }, { name: 'db' })).toEqual({
      labels: {},
      body: {},
      host: {},
    })
  })
})

it('names what an engine does not do', () => {
  const service = { name: 'db', env: {}, mounts: [], ports: [], aliases: [], dependsOn: [] }
  const named = containerFit.service({ ...service, restart: 'never', container: { cpusReserved: 1 } })
  expect(named.map(({ field }) => field)).toEqual(['deploy.resources.reservations.cpus'])
})
