import { describe, expect, it } from 'vitest'
import { problemOf, readApp, readDb, readWritten, refusedOf, services } from './compose.test-helper'

describe("the container of the workspace's own service", () => {
  it('is made as the file says', async () => {
    const definition = await readApp({
      privileged: true,
      cap_add: ['SYS_PTRACE'],
      cap_drop: ['NET_RAW'],
      security_opt: ['seccomp:unconfined'],
      devices: ['/dev/fuse:/dev/fuse', { source: '/dev/a', target: '/dev/b', permissions: 'r' }],
      device_cgroup_rules: ['c 1:3 mr'],
      network_mode: 'host',
      pid: 'host',
      sysctls: { 'net.core.somaxconn': 1024 },
      hostname: 'box',
      labels: { 'of.team': 'web' },
      extra_hosts: { far: '10.0.0.5', gate: 'host-gateway' },
      shm_size: '1gb',
      ulimits: { nproc: 65535, nofile: { soft: 1, hard: 2 } },
      group_add: [100, 'docker'],
      dns: '1.1.1.1',
      mem_limit: '2g',
      cpus: 0.5,
    })
    expect(definition.container).toEqual({
      rights: [
        { kind: 'privileged', value: '' },
        { kind: 'capability', value: 'SYS_PTRACE' },
        { kind: 'deviceRule', value: 'c 1:3 mr' },
        { kind: 'securityOption', value: 'seccomp=unconfined' },
        { kind: 'namespace', value: 'pid' },
        { kind: 'namespace', value: 'network' },
        { kind: 'device', value: '/dev/fuse:/dev/fuse:rwm' },
        { kind: 'device', value: '/dev/a:/dev/b:r' },
        { kind: 'sysctl', value: 'net.core.somaxconn=1024' },
      ],
      capabilitiesDropped: ['NET_RAW'],
      hostname: 'box',
      labels: { 'of.team': 'web' },
      extraHosts: [
        { name: 'far', address: '10.0.0.5' },
        { name: 'gate', address: 'host-gateway' },
      ],
      shmSize: 1024 ** 3,
      ulimits: [
        { name: 'nproc', soft: 65535, hard: 65535 },
        { name: 'nofile', soft: 1, hard: 2 },
      ],
      groups: ['100', 'docker'],
      dns: ['1.1.1.1'],
      memory: 2 * 1024 ** 3,
      cpus: 0.5,
    })
    expect(definition.notApplied).toEqual([])
    expect(definition.aliases).toContain('box')
  })

  it('is joined over files, and with devcontainer.json', async () => {
    const { container, notApplied } = await readWritten({
      compose: services({ app: { cap_add: ['SYS_PTRACE'], shm_size: '64m', extra_hosts: ['a:10.0.0.1'] } }),
      files: {
        'more.yml': JSON.stringify({
          services: { app: { cap_add: ['SYS_ADMIN'], shm_size: '128m', extra_hosts: ['b=10.0.0.2'] } },
        }),
      },
      devcontainer: {
        dockerComposeFile: ['../compose.yml', '../more.yml'],
        capAdd: ['NET_ADMIN', 'SYS_PTRACE'],
        runArgs: ['--privileged'],
      },
    })
    expect(container?.rights.map(({ value }) => value)).toEqual(['SYS_PTRACE', 'SYS_ADMIN', 'NET_ADMIN'])
    expect(container?.shmSize).toBe(128 * 1024 ** 2)
    expect(container?.extraHosts?.map(({ name }) => name)).toEqual(['a', 'b'])
    expect(notApplied.map(({ field }) => field)).toEqual(['runArgs'])
  })

  it('has limits of a deployment too, and names what is kept free', async () => {
    const definition = await readApp({
      deploy: { resources: { limits: { cpus: '1.5', memory: '1G' }, reservations: { memory: '64m' } } },
    })
    expect(definition.container).toEqual({ rights: [], cpus: 1.5, memory: 1024 ** 3 })
    expect(refusedOf(definition)).toEqual({
      'services.app.deploy': expect.stringContaining('hostRequirements'),
    })
    const written = await readApp({ mem_limit: 0, cpus: 0, read_only: true, stop_signal: 'SIGINT' })
    expect(written.container).toBeUndefined()
    expect(Object.keys(refusedOf(written))).toEqual(['services.app.read_only', 'services.app.stop_signal'])
  })

  it('names what is shared with nobody', async () => {
    const { refused } = await readDb({ network_mode: 'host' })
    expect(Object.keys(refused)).toEqual(['services.db.network_mode'])
    const other = refusedOf(await readApp({ ipc: 'shareable', privileged: false }))
    expect(Object.keys(other)).toEqual(['services.app.ipc'])
  })

  it.each([
    [{ ulimits: { nofile: { soft: 1 } } }],
    [{ shm_size: 'much' }],
    [{ extra_hosts: ['nowhere'] }],
    [{ devices: [5] }],
    [{ privileged: 'yes' }],
  ])('refuses %j with its place', async (fields) => {
    const problem = await problemOf(readApp(fields))
    expect(problem.code).toBe('definition-invalid')
    expect(problem.cause).toMatch(/Line \d+, column \d+/)
  })
})
