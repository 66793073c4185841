import { describe, expect, it } from 'vitest'
import { readDefinition } from '../index'
import { memoryReader, testContext } from '../memory-reader.test-helper'

const path = '.devcontainer/devcontainer.json'
const readFile = async (fields: object, context = testContext) =>
  (await readDefinition(memoryReader({ [path]: JSON.stringify({ image: 'x', ...fields }) }), context))
    .definition
const read = (...runArgs: string[]) => readFile({ runArgs })
const rightsOf = async (...runArgs: string[]) =>
  (await read(...runArgs)).container?.rights.map(({ kind, value }) => `${kind} ${value}`.trim())
const failure = (...runArgs: string[]) =>
  read(...runArgs).then(
    () => expect.unreachable('it succeeded'),
    (error) => error.problem,
  )

describe('runArgs', () => {
  it('give the container labels, but for those that others go by', async () => {
    const { container, notApplied } = await read(
      '--label',
      'of.team=a=b',
      '-lplain',
      '-l',
      'berth.dev/name=x',
    )
    expect(container?.labels).toEqual({ 'of.team': 'a=b', plain: '' })
    expect(notApplied).toEqual([{ field: 'runArgs[4] --label', reason: expect.stringContaining('Berth') }])
  })

  it.each([
    [
      ['--cap-add=SYS_PTRACE', '--security-opt', 'seccomp=unconfined'],
      ['capability SYS_PTRACE', 'securityOption seccomp=unconfined'],
    ],
    [['--cap-add', 'cap_net_admin', '--cap-add=NET_ADMIN'], ['capability NET_ADMIN']],
    [['--privileged'], ['privileged']],
    [
      ['--privileged=true', '--security-opt', 'label:disable'],
      ['privileged', 'securityOption label=disable'],
    ],
    [['--network=host'], ['namespace network']],
    [
      ['--net', 'host', '--pid=host', '--ipc', 'host', '--uts=host', '--userns=host'],
      ['namespace network', 'namespace pid', 'namespace ipc', 'namespace uts', 'namespace userns'],
    ],
    [
      ['--device=/dev/fuse', '--device', '/dev/a:/dev/b:r', '--device=/dev/c:rw'],
      ['device /dev/fuse:/dev/fuse:rwm', 'device /dev/a:/dev/b:r', 'device /dev/c:/dev/c:rw'],
    ],
    [['--device-cgroup-rule', 'c 189:* rmw'], ['deviceRule c 189:* rmw']],
    [['--sysctl', 'net.ipv6.conf.all.disable_ipv6=0'], ['sysctl net.ipv6.conf.all.disable_ipv6=0']],
  ])('finds the rights in %j', async (words, rights) => {
    const definition = await read(...words)
    expect(definition.container?.rights.map(({ kind, value }) => `${kind} ${value}`.trim())).toEqual(rights)
    expect(definition.notApplied).toEqual([])
    expect(definition.container?.allowed).toBeUndefined()
  })

  it('takes off what is switched off, and what is as it is anyway', async () => {
    expect(
      await rightsOf('--privileged=false', '--network', 'bridge', '--ipc=private', '--pid='),
    ).toBeUndefined()
    const { container, init } = await read(
      '--security-opt=no-new-privileges',
      '--init',
      '--rm',
      '-it',
      '-d',
      '--sig-proxy=false',
    )
    expect(container).toEqual({ rights: [], noNewPrivileges: true })
    expect(init).toBe(true)
  })

  it('reads what is harmless, in every way of writing it', async () => {
    const { container, notApplied } = await read(
      '-h',
      'box',
      '--add-host=host.docker.internal:host-gateway',
      '--add-host',
      'db=10.0.0.5',
      '--add-host',
      'six:[::1]',
      '--shm-size=1gb',
      '--ulimit',
      'nofile=1024:2048',
      '--ulimit=core=-1',
      '--group-add',
      'docker',
      '-m4g',
      '--memory-swap=-1',
      '--cpus',
      '1.5',
      '--dns=1.1.1.1',
      '--dns-search',
      'corp.test',
      '--dns-opt',
      'ndots:2',
      '--cap-drop=ALL',
    )
    expect(container).toEqual({
      hostname: 'box',
      extraHosts: [
        { name: 'host.docker.internal', address: 'host-gateway' },
        { name: 'db', address: '10.0.0.5' },
        { name: 'six', address: '::1' },
      ],
      shmSize: 1024 ** 3,
      ulimits: [
        { name: 'nofile', soft: 1024, hard: 2048 },
        { name: 'core', soft: -1, hard: -1 },
      ],
      groups: ['docker'],
      memory: 4 * 1024 ** 3,
      memorySwap: -1,
      cpus: 1.5,
      dns: ['1.1.1.1'],
      dnsSearch: ['corp.test'],
      dnsOptions: ['ndots:2'],
      capabilitiesDropped: ['ALL'],
      rights: [],
    })
    expect(notApplied).toEqual([])
  })

  it('reads variables, which stay as written where they may be secrets', async () => {
    const { containerEnv, notApplied } = await readFile({
      containerEnv: { A: 'below', B: 'b' },
      runArgs: ['-e', 'A=1=2', '--env=T=${localEnv:TOKEN}', '-e=C=', '--env', 'TOKEN', '-eNONE'],
    })
    expect(containerEnv).toEqual({
      A: '1=2',
      B: 'b',
      T: '${localEnv:TOKEN}',
      C: '',
      TOKEN: '${localEnv:TOKEN}',
    })
    expect(JSON.stringify(notApplied)).not.toContain('hunter2')
    expect(notApplied).toEqual([
      { field: 'runArgs[6] --env', reason: 'your environment has no variable NONE' },
    ])
  })

  it('reads user and mounts like the fields for them', async () => {
    const definition = await readFile({
      containerUser: 'below',
      mounts: ['type=volume,source=old,target=/v'],
      runArgs: [
        '-u',
        '1000:1000',
        '-v',
        'cache:/v:ro',
        '--volume=/srv/x:/x',
        '-v/only',
        '--mount',
        'type=tmpfs,target=/t,tmpfs-size=64m',
        '--tmpfs',
        '/run:rw,size=1k,exec',
      ],
    })
    expect(definition.containerUser).toBe('1000:1000')
    expect(definition.mounts).toEqual([
      { type: 'volume', source: 'cache', target: '/v', readOnly: true },
      { type: 'bind', source: '/srv/x', target: '/x' },
      { type: 'volume', target: '/only' },
      { type: 'tmpfs', target: '/t', size: 64 * 1024 ** 2 },
      { type: 'tmpfs', target: '/run', size: 1024 },
    ])
    expect(definition.notApplied).toEqual([
      { field: 'runArgs[9] --tmpfs', reason: 'the option exec is not applied; the mount itself is' },
    ])
    const elsewhere = await readFile({ runArgs: ['-v', '/srv/x:/x'] }, { ...testContext, bindMounts: false })
    expect(elsewhere.mounts).toEqual([])
    expect(elsewhere.notApplied[0]?.field).toBe('runArgs[1] --volume')
    const part = await readFile({ runArgs: ['-v', '${localWorkspaceFolder}/data:/data:ro'] })
    expect(part.sourceMounts).toEqual([{ path: 'data', target: '/data', readOnly: true }])
  })

  it('names what it does not apply, with its place', async () => {
    const { notApplied, container } = await read(
      '--gpus',
      'device=1',
      '--name',
      'mine',
      '-p',
      '8080:80',
      '-lteam=x',
      '--env-file',
      '.env',
      '--restart=always',
      '--network',
      'mynet',
      '--userns=keep-id',
      '--platform=linux/amd64',
      '--security-opt',
      'seccomp=profile.json',
      '--cap-add',
      'SYS_PTRCE',
    )
    expect(notApplied.map(({ field }) => field)).toEqual([
      'runArgs[1] --gpus',
      'runArgs[3] --name',
      'runArgs[5] --publish',
      'runArgs[8] --env-file',
      'runArgs[9] --restart',
      'runArgs[11] --network',
      'runArgs[12] --userns',
      'runArgs[13] --platform',
      'runArgs[15] --security-opt',
      'runArgs[17] --cap-add',
    ])
    expect(notApplied.at(-1)?.reason).toBe('there is no capability SYS_PTRCE; did you mean "SYS_PTRACE"?')
    expect(container).toEqual({ labels: { team: 'x' }, rights: [] })
  })

  it('names what is unknown and what was meant, and goes on behind it', async () => {
    const { notApplied, container } = await read(
      '--cap-ad',
      'SYS_ADMIN',
      '--prvileged',
      '-Z',
      'image',
      '--',
      '--shm-size',
      '1g',
    )
    expect(notApplied).toEqual([
      { field: 'runArgs[0]', reason: 'there is no option --cap-ad of docker run; did you mean "--cap-add"?' },
      { field: 'runArgs[1]', reason: 'it belongs to the option before it' },
      {
        field: 'runArgs[2]',
        reason: 'there is no option --prvileged of docker run; did you mean "--privileged"?',
      },
      { field: 'runArgs[3]', reason: 'there is no option -Z of docker run' },
      { field: 'runArgs[4]', reason: '"image" is no option of docker run' },
      { field: 'runArgs[5]', reason: '"--" is no option of docker run' },
    ])
    expect(container).toEqual({ shmSize: 1024 ** 3, rights: [] })
  })

  it.each([
    [['--shm-size=much'], 'runArgs[0] --shm-size'],
    [['--init', '--ulimit', 'nofile=5:1'], 'runArgs[2] --ulimit'],
    [['--device', 'fuse'], 'runArgs[1] --device'],
    [['--add-host', 'db:nowhere'], 'runArgs[1] --add-host'],
    [['--hostname', 'a b'], 'runArgs[1] --hostname'],
    [['--cpus=0'], 'runArgs[0] --cpus'],
    [['--sysctl', 'x'], 'runArgs[1] --sysctl'],
    [['--memory'], '"--memory" in "runArgs" needs a value'],
    [['-e'], '"--env" in "runArgs" needs a value'],
  ])('refuses %j with its place', async (words, cause) => {
    const problem = await failure(...words)
    expect(problem.code).toBe('definition-invalid')
    expect(problem.cause).toMatch(/^Line \d+, column \d+: /)
    expect(problem.cause).toContain(cause)
  })

  it('joins it with the fields that say the same', async () => {
    const { container } = await readFile({
      privileged: true,
      capAdd: ['SYS_PTRACE'],
      securityOpt: ['apparmor=unconfined'],
      runArgs: ['--cap-add=SYS_PTRACE', '--cap-add=NET_RAW'],
    })
    expect(container?.rights.map(({ kind, value }) => `${kind} ${value}`.trim())).toEqual([
      'privileged',
      'capability SYS_PTRACE',
      'securityOption apparmor=unconfined',
      'capability NET_RAW',
    ])
    expect((await readFile({ privileged: false, capAdd: [], securityOpt: [] })).container).toBeUndefined()
  })

  it('survives any words', async () => {
    const pieces = [
      '--',
      '-',
      '=',
      '-e',
      'a',
      ':',
      ',',
      '--mount',
      '--volume',
      '-v',
      '/x',
      '\u0000',
      '${localEnv:TOKEN}',
      '--cap-add',
      '-it',
      '-itv',
    ]
    for (let seed = 1; seed < 400; seed++) {
      const words = Array.from({ length: 1 + (seed % 5) }, (_, index) =>
        Array.from(
          { length: 1 + ((seed >> index) % 3) },
          (_, at) => pieces[(seed * 7 + index * 5 + at * 3) % pieces.length],
        ).join(''),
      )
      const outcome = await read(...words).catch((error) => error.problem.code)
      expect(typeof outcome === 'string' ? outcome : 'read').toMatch(/^(?:read|definition-invalid)$/)
    }
  })
})
