import { describe, expect, it } from 'vitest'
import { problemOf, readDb, readWritten, refusedOf, services } from './compose.test-helper'

describe('the container of a service', () => {
  it('is made as the file says', async () => {
    const { service, refused } = await readDb({
      cap_drop: ['NET_RAW'],
      cpus: '0.5',
      group_add: [100],
      init: true,
      labels: ['of.team=web', 'berth.dev/own=1'],
      mem_limit: '1g',
      mem_reservation: '64m',
      memswap_limit: -1,
      pids_limit: 100,
      read_only: true,
      security_opt: ['no-new-privileges:true'],
      shm_size: '128m',
      stop_grace_period: '1m30s',
      stop_signal: 'sigint',
      ulimits: { nofile: { soft: 1, hard: 2 } },
    })
    expect(service.container).toEqual({
      capabilitiesDropped: ['NET_RAW'],
      cpus: 0.5,
      groups: ['100'],
      init: true,
      labels: { 'of.team': 'web' },
      memory: 1024 ** 3,
      memoryReserved: 64 * 1024 ** 2,
      memorySwap: -1,
      noNewPrivileges: true,
      processes: 100,
      readOnly: true,
      shmSize: 128 * 1024 ** 2,
      stopGrace: 90_000,
      stopSignal: 'SIGINT',
      ulimits: [{ name: 'nofile', soft: 1, hard: 2 }],
    })
    expect(Object.keys(refused)).toEqual(['services.db.labels[1]'])
  })

  it('says nothing where the file says nothing, or that there is no limit', async () => {
    expect((await readDb({})).service.container).toBeUndefined()
    const unlimited = { mem_limit: '0', cpus: 0, mem_reservation: 0, pids_limit: -1, privileged: false }
    expect((await readDb({ ...unlimited, deploy: {} })).service.container).toBeUndefined()
  })

  it('has what a deployment says, and its own words before that', async () => {
    const deploy = {
      replicas: 2,
      placement: { constraints: [] },
      resources: {
        limits: { cpus: '0.25', memory: '512M', pids: 10 },
        reservations: { cpus: 0.125, memory: '64M', devices: [{ capabilities: ['gpu'] }] },
      },
      restart_policy: { condition: 'on-failure', max_attempts: 3 },
    }
    const { service, refused } = await readDb({ deploy, mem_limit: '1g' })
    expect(service.container).toEqual({
      cpus: 0.25,
      memory: 1024 ** 3,
      processes: 10,
      cpusReserved: 0.125,
      memoryReserved: 64 * 1024 ** 2,
    })
    expect(service.restart).toBe('on-failure')
    expect(Object.keys(refused)).toEqual([
      'services.db.deploy.placement',
      'services.db.deploy.replicas',
      'services.db.deploy.resources.reservations.devices',
      'services.db.deploy.restart_policy.max_attempts',
    ])
    expect((await readDb({ deploy, restart: 'no' })).service.restart).toBe('never')
    expect((await readDb({ deploy: { restart_policy: {} } })).service.restart).toBe('always')
  })

  it('asks for rights with the name of its service', async () => {
    const { container, services: found } = await readWritten({
      compose: services({
        app: { cap_add: ['SYS_PTRACE'] },
        My_DB: { cap_add: ['SYS_PTRACE', 'IPC_LOCK'], privileged: true, pid: 'host', devices: ['/dev/fuse'] },
        cache: { sysctls: { 'net.core.somaxconn': 511 } },
      }),
    })
    expect(found.map(({ container: own }) => own)).toEqual([undefined, undefined])
    expect(container?.rights).toEqual([
      { kind: 'capability', value: 'SYS_PTRACE' },
      { kind: 'privileged', value: '', service: 'my-db' },
      { kind: 'capability', value: 'SYS_PTRACE', service: 'my-db' },
      { kind: 'capability', value: 'IPC_LOCK', service: 'my-db' },
      { kind: 'namespace', value: 'pid', service: 'my-db' },
      { kind: 'device', value: '/dev/fuse:/dev/fuse:rwm', service: 'my-db' },
      { kind: 'sysctl', value: 'net.core.somaxconn=511', service: 'cache' },
    ])
  })

  it('adds names of other machines for all, of which the first word counts', async () => {
    const definition = await readWritten({
      compose: services({
        app: { extra_hosts: ['far:10.0.0.1'] },
        db: { extra_hosts: ['far:10.0.0.2', 'near:10.0.0.3'], dns: '10.0.0.4' },
      }),
    })
    expect(definition.container?.extraHosts).toEqual([
      { name: 'far', address: '10.0.0.1' },
      { name: 'near', address: '10.0.0.3' },
    ])
    expect(refusedOf(definition)).toEqual({
      'services.db.dns': expect.stringContaining('network'),
      'services.db.extra_hosts': expect.stringContaining('far leads to 10.0.0.1'),
    })
  })

  it('asks for no more together than a workspace may', async () => {
    const many = (from: number) =>
      Object.fromEntries(Array.from({ length: 150 }, (_, index) => [`net.core.x${from + index}`, 1]))
    const compose = services({ db: { sysctls: many(0) }, cache: { sysctls: many(150) } })
    expect((await problemOf(readWritten({ compose }))).cause).toContain('at most 200 rights')
  })

  it.each([
    [{ stop_signal: 'now' }],
    [{ stop_grace_period: 'soon' }],
    [{ pids_limit: 'some' }],
    [{ deploy: { resources: { limits: { memory: 'much' } } } }],
    [{ deploy: { restart_policy: { condition: 'sometimes' } } }],
    [{ deploy: true }],
  ])('refuses %j with its place', async (fields) => {
    const problem = await problemOf(readDb(fields))
    expect(problem.code).toBe('definition-invalid')
    expect(problem.cause).toMatch(/Line \d+, column \d+/)
  })
})
