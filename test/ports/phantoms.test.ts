import { createInterface } from 'node:readline'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import type { EventPayload, Listener, OtherListener, Port, Workspace } from '#contract'
import { command, tryCommand } from '../harness/command'
import { ensureImages, TEST_IMAGES } from '../harness/images'
import { TestWindow } from '../terminals/window'
import { NO_AGENTS, startEngine, type TestEngine } from './engine'

/** Long enough for a machine that does much else, milliseconds. */
const PATIENCE = 60_000

/** One workspace that two engines follow: one is told by the agent, the other looks by a shell in it. */
const engines: Record<'agent' | 'shell', TestEngine> = {} as never
const opened: Record<'agent' | 'shell', EventPayload<'port.opened'>[]> = { agent: [], shell: [] }
const ways = ['agent', 'shell'] as const
let workspace: Workspace
let container = ''
const programs: Program[] = []

beforeAll(async () => {
  await ensureImages(['debian'])
  engines.agent = await startEngine()
  engines.shell = await startEngine({}, NO_AGENTS)
  workspace = await engines.agent.create({ source: { kind: 'image', image: TEST_IMAGES.debian } })
  container = workspace.instance ?? ''
  engines.shell.follow(workspace.id)
  for (const way of ways)
    engines[way].engine.onEvent((name, payload) => {
      if (name === 'port.opened') opened[way].push(payload as EventPayload<'port.opened'>)
    })
  // From then on it is the agent that tells.
  const missing = await engines.agent.engine.links.get(workspace.id).missing(AbortSignal.timeout(PATIENCE))
  expect(missing).toBeUndefined()
}, 180_000)
afterEach(async () => {
  await Promise.all(programs.splice(0).map((program) => program.end()))
})
afterAll(async () => {
  await engines.shell?.leave()
  await engines.agent?.dispose()
})

interface Program {
  /** Gives it a line, and waits for the one that it says then. */
  ask(line?: string): Promise<string>
  end(): Promise<void>
}

/** Runs Python in the workspace; returns with the first line that it prints. What it begins ends with its input. */
async function python(script: string): Promise<Program & { readonly said: string }> {
  const process = await engines.agent.engine.links.get(workspace.id).exec({
    command: ['python3', '-uc', `import os, signal, socket, sys, time\n${script}\nsys.stdin.read()`],
  })
  let complaint = ''
  process.stderr?.on('data', (data) => {
    complaint += data
  })
  const lines = createInterface({ input: process.stdout })[Symbol.asyncIterator]()
  const next = async () => {
    const { done, value } = await lines.next()
    if (done) throw new Error(`it ended: ${complaint}`)
    return value
  }
  const program: Program = {
    async ask(line = '') {
      process.stdin.write(`${line}\n`)
      return next()
    },
    async end() {
      process.stdin.end()
      await process.exit
    },
  }
  programs.push(program)
  return { ...program, said: await next() }
}

const listening = (port: number, address = '127.0.0.1', family = 'AF_INET') =>
  `s = socket.socket(socket.${family}); s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1); s.bind((${JSON.stringify(address)}, ${port})); s.listen()`

interface Table {
  readonly listeners: readonly Listener[]
  readonly others: readonly OtherListener[]
}

/** The first table of an engine that is so. */
async function table(way: 'agent' | 'shell', isSo: (table: Table) => boolean): Promise<Table> {
  let last: Table | undefined
  for await (const seen of engines[way].engine.links
    .get(workspace.id)
    .listeners(AbortSignal.timeout(PATIENCE))) {
    if (!seen.available) continue
    last = seen
    if (isSo(seen)) return seen
  }
  throw new Error(`the ${way} did not tell it; the last was ${JSON.stringify(last)}`)
}

let marks = 20_000
/**
 * What both engines know, looked at after this was called: both have seen what began to listen only then, and whose it
 * is. On a busy machine a socket is told a while before its process, and all processes are looked for together.
 *
 * @param isWhole also of what is not TCP, which is looked at more seldom
 */
async function tables(isWhole = false): Promise<Record<'agent' | 'shell', Table>> {
  marks += 1
  const mark = marks
  const udp = `u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); u.bind(('127.0.0.1', ${mark}))`
  await python(`${listening(mark)}; ${isWhole ? udp : ''}\nprint('there')`)
  const isMarked = ({ listeners, others }: Table) =>
    listeners.some(({ port, process }) => port === mark && process) &&
    (!isWhole || others.some(({ address, process }) => address === `127.0.0.1:${mark}` && process))
  const [agent, shell] = await Promise.all(ways.map((way) => table(way, isMarked)))
  return { agent: agent as Table, shell: shell as Table }
}

/** Expects of both engines what they tell of one port. */
async function expectOf(port: number, expected: readonly unknown[]): Promise<void> {
  for (const [way, { listeners }] of Object.entries(await tables()))
    expect(
      listeners.filter((one) => one.port === port),
      way,
    ).toMatchObject(expected)
}

/** The record of a port, once it is so. */
async function record(way: 'agent' | 'shell', port: number, isSo: (port: Port) => boolean): Promise<Port> {
  return vi.waitFor(() => {
    const found = engines[way].engine.collections.ports.get(`${workspace.id}:${port}`)
    if (!found || !isSo(found)) throw new Error(`the port is ${JSON.stringify(found)} (${way})`)
    return found
  }, PATIENCE)
}

const raw = (file: string) => command('docker', ['exec', container, 'cat', `/proc/net/${file}`])
/** An IPv4 address and a port as the kernel writes them. */
const hex = (port: number) => port.toString(16).toUpperCase().padStart(4, '0')

/** Runs Python in another container that shares something with the workspace's; gives its id. */
async function beside(options: readonly string[], script: string): Promise<string> {
  const args = ['run', '--detach', ...options, TEST_IMAGES.debian, 'python3', '-c', script]
  return (await command('docker', args)).trim()
}

describe('what is not there for anybody to open', { timeout: 180_000 }, () => {
  it('the resolver of Docker, on 127.0.0.11', async () => {
    const network = `berth-test-${workspace.id}`
    await command('docker', ['network', 'create', network])
    try {
      await command('docker', ['network', 'connect', network, container])
      expect(await raw('tcp')).toMatch(/0B00007F:\w+ 00000000:0000 0A/)
      expect(await raw('udp')).toMatch(/0B00007F:\w+ 00000000:0000 07/)
      expect(JSON.stringify(await tables(true))).not.toContain('127.0.0.11')
    } finally {
      await tryCommand('docker', ['network', 'disconnect', network, container])
      await command('docker', ['network', 'rm', network])
    }
  })

  it('Berth: its agent with its sockets, its helpers', async () => {
    expect(await raw('unix')).toContain('/agent.sock')
    const text = JSON.stringify(await tables(true))
    expect(text).not.toMatch(/berth-(?:agent|ports|relay)/)
  })

  it('the connections that Berth itself makes', async () => {
    await python(`${listening(21_001)}; print('there'); kept = [s.accept() for _ in range(2)]`)
    const dialled = await Promise.all(
      ways.map((way) =>
        engines[way].engine.links.get(workspace.id).dial(21_001, AbortSignal.timeout(PATIENCE)),
      ),
    )
    const before = await tables()
    for (const { listeners } of Object.values(before))
      expect(listeners.map(({ port }) => port)).toEqual([marks, 21_001])
    for (const stream of dialled) stream.destroy()
  })

  it('a socket that is bound and does not listen', async () => {
    await python(`s = socket.socket(); s.bind(('127.0.0.1', 21_002)); print('there')`)
    await expectOf(21_002, [])
  })

  it('a connection that outlives its listener', async () => {
    const program = await python(
      `${listening(21_003)}; c = socket.create_connection(('127.0.0.1', 21003)); a = s.accept(); print('there'); sys.stdin.readline(); s.close(); print('closed')`,
    )
    await expectOf(21_003, [{ address: '127.0.0.1' }])
    await program.ask()
    expect(await raw('tcp')).toContain(`0100007F:${hex(21_003)} 0100007F`)
    await expectOf(21_003, [])
  })

  it('the port that a client has while it is connected', async () => {
    const { said } = await python(
      `${listening(21_004)}; c = socket.create_connection(('127.0.0.1', 21004)); print(c.getsockname()[1])`,
    )
    await expectOf(Number(said), [])
  })

  it('a port in TIME_WAIT', async () => {
    await python(
      `${listening(21_005)}; c = socket.create_connection(('127.0.0.1', 21005)); a, _ = s.accept(); a.close(); c.recv(1); c.close(); s.close(); print('there')`,
    )
    await expectOf(21_005, [])
    expect(await raw('tcp')).toMatch(new RegExp(`0100007F:${hex(21_005)} 0100007F:\\w+ 06`))
  })

  it('a process that is in the workspace, and listens in another network', async () => {
    const script = `import socket, time; s = socket.create_server(('0.0.0.0', 21006)); time.sleep(600)`
    const id = await beside(['--pid', `container:${container}`, '--network', 'none'], script)
    try {
      const find = [
        'exec',
        container,
        'sh',
        '-c',
        'for p in $(pgrep -f 21006); do cat /proc/$p/net/tcp; done',
      ]
      await vi.waitFor(async () => expect(await command('docker', find)).toContain(hex(21_006)), PATIENCE)
      await expectOf(21_006, [])
    } finally {
      await command('docker', ['rm', '--force', id])
    }
  })

  it('what only sends over UDP: it has a number that the system gave', async () => {
    const { said } = await python(
      `u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); u.sendto(b'x', ('127.0.0.1', 9)); c = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); c.bind(('127.0.0.1', 21007)); c.connect(('127.0.0.1', 9)); print(u.getsockname()[1])`,
    )
    expect(await raw('udp')).toContain(`:${hex(Number(said))} 00000000:0000 07`)
    for (const { others } of Object.values(await tables(true))) {
      const told = others.map(({ address }) => address)
      expect(told.filter((address) => address.endsWith(`:${said}`) || address.endsWith(':21007'))).toEqual([])
    }
  })

  it('a listener that is gone within a second: no notice, and nothing that stays', async () => {
    await python(`${listening(21_008)}; time.sleep(0.3); s.close(); print('gone')`)
    await expectOf(21_008, [])
    await vi.waitFor(() => {
      for (const way of ways)
        expect(engines[way].engine.collections.ports.get(`${workspace.id}:21008`), way).toBeUndefined()
    }, PATIENCE)
    for (const way of ways) expect(opened[way].map(({ port }) => port)).not.toContain(21_008)
  })
})

describe('what is told once, and by its right name', { timeout: 180_000 }, () => {
  it('a socket for both IPv6 and IPv4', async () => {
    await python(
      `s = socket.create_server(('::', 21020), family=socket.AF_INET6, dualstack_ipv6=True); print('there')`,
    )
    await expectOf(21_020, [{ address: '::', process: { name: 'python3' } }])
  })

  it('two sockets of a process, one for IPv4 and one for IPv6', async () => {
    await python(
      `a = socket.create_server(('0.0.0.0', 21021)); b = socket.create_server(('::', 21021), family=socket.AF_INET6); print('there')`,
    )
    await expectOf(21_021, [{ address: '0.0.0.0' }])
  })

  it('an address of IPv4 in a socket of IPv6', async () => {
    await python(`${listening(21_022, '::ffff:127.0.0.1', 'AF_INET6')}; print('there')`)
    await expectOf(21_022, [{ address: '127.0.0.1' }])
    for (const way of ways) await record(way, 21_022, ({ state }) => state === 'live')
  })

  it('workers that share an address by SO_REUSEPORT', async () => {
    const { said } = await python(
      `def worker():
  s = socket.socket(); s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1); s.bind(('127.0.0.1', 21023)); s.listen(); return s
first = worker(); mine, theirs = os.pipe()
for _ in range(3):
  if os.fork() == 0:
    mine_too = worker(); os.write(theirs, b'x'); sys.stdin.read(); os._exit(0)
for _ in range(3): os.read(mine, 1)
print(os.getpid())`,
    )
    await expectOf(21_023, [{ address: '127.0.0.1', process: { pid: Number(said) } }])
  })

  it('a child that has inherited a listener, and keeps it when its parent is gone', async () => {
    const program = await python(
      `${listening(21_024)}
child = os.fork()
if child == 0:
  [os.dup2(os.open('/dev/null', os.O_RDWR), one) for one in range(3)]
  open('/proc/self/comm', 'w').write('heir'); time.sleep(600); os._exit(0)
print(os.getpid(), child)`,
    )
    const [parent, child] = program.said.split(' ').map(Number)
    try {
      await expectOf(21_024, [{ process: { pid: parent } }])
      await program.end()
      const heirs = { pid: child, name: 'heir' }
      for (const way of ways)
        expect(
          await table(way, ({ listeners }) =>
            listeners.some(({ port, process }) => port === 21_024 && process?.pid === child),
          ),
        ).toMatchObject({ listeners: expect.arrayContaining([expect.objectContaining({ port: 21_024 })]) })
      await expectOf(21_024, [{ process: heirs }])
    } finally {
      await tryCommand('docker', ['exec', container, 'kill', '-9', String(child)])
    }
  })

  it('another process at a port that was closed', async () => {
    const first = await python(
      `open('/proc/self/comm', 'w').write('one'); ${listening(21_025)}; print('there')`,
    )
    await expectOf(21_025, [{ process: { name: 'one' } }])
    await first.end()
    await python(`open('/proc/self/comm', 'w').write('other'); ${listening(21_025)}; print('there')`)
    await expectOf(21_025, [{ process: { name: 'other' } }])
  })

  it('loopback, all addresses, and one that localhost does not reach', async () => {
    const format = '{{range .NetworkSettings.Networks}}{{.IPAddress}} {{end}}'
    const own = (await command('docker', ['inspect', '--format', format, container])).split(' ')[0] ?? ''
    await python(
      `a = socket.create_server(('127.0.0.1', 21026)); b = socket.create_server(('0.0.0.0', 21027)); c = socket.create_server((${JSON.stringify(own)}, 21028)); print('there')`,
    )
    for (const way of ways) {
      await record(way, 21_026, ({ state }) => state === 'live')
      await record(way, 21_027, ({ state }) => state === 'live')
      const { problem } = await record(way, 21_028, ({ state }) => state === 'failed')
      expect(problem?.cause).toContain(own)
    }
  })

  it("a container's port that Docker in the workspace publishes: one port, named by the container", async (context) => {
    const found = await tryCommand('sh', [
      '-c',
      'command -v docker-proxy || ls /usr/sbin/docker-proxy /usr/bin/docker-proxy',
    ])
    const program = found.stdout.trim().split('\n')[0]
    if (!program) return context.skip('this machine has no docker-proxy')
    await command('docker', ['cp', program, `${container}:/usr/local/bin/docker-proxy`])
    const proxy = (address: string) =>
      `docker-proxy -proto tcp -host-ip ${address} -host-port 21029 -container-ip 127.0.0.1 -container-port 9 3>/dev/null`
    await engines.agent.background(workspace.id, `${proxy('0.0.0.0')} & exec ${proxy('::')}`)
    try {
      for (const way of ways) {
        const port = await record(way, 21_029, ({ label }) => label !== undefined)
        expect(port).toMatchObject({ label: 'Container 127.0.0.1, port 9', state: 'live' })
        const all = engines[way].engine.collections.ports.list().filter(({ state }) => state === 'live')
        expect(all.filter(({ listeners }) => listeners[0]?.process?.name === 'docker-proxy')).toHaveLength(1)
      }
    } finally {
      await tryCommand('docker', ['exec', container, 'pkill', 'docker-proxy'])
    }
  })
})

describe('what may be there for nobody to open', { timeout: 180_000 }, () => {
  it('a number that the system gave, and no terminal shows: a language server', async () => {
    const { said } = await python(
      `open('/proc/self/comm', 'w').write('langserver'); s = socket.create_server(('127.0.0.1', 0)); print(s.getsockname()[1])`,
    )
    for (const way of ways) {
      const isFound = ({ doubt, listeners }: Port) =>
        doubt === 'random' && listeners[0]?.process !== undefined
      const port = await record(way, Number(said), isFound)
      expect(port.listeners[0]?.process?.name).toBe('langserver')
    }
    await python(`${listening(21_041)}; print('there')`)
    for (const way of ways) {
      const announced = () => opened[way].map(({ port }) => port)
      await vi.waitFor(() => expect(announced(), way).toContain(21_041), PATIENCE)
      expect(announced(), way).not.toContain(Number(said))
    }
  })

  it('and is no longer in doubt when a terminal shows it', async () => {
    const { engine } = engines.agent
    const script = `import socket, sys; s = socket.create_server(('127.0.0.1', 0)); p = s.getsockname()[1]; open('/tmp/shown', 'w').write(str(p)); sys.stdin.readline(); print(f'On http://localhost:\\x1b[1m{p}\\x1b[m/'); sys.stdin.readline()`
    const { sessionId } = await engine.call('sessions.create', {
      workspaceId: workspace.id,
      command: ['python3', '-uc', script],
      columns: 80,
      rows: 24,
    })
    const port = await vi.waitFor(async () => {
      const { stdout } = await tryCommand('docker', ['exec', container, 'cat', '/tmp/shown'])
      expect(stdout).toMatch(/^\d+$/)
      return Number(stdout)
    }, PATIENCE)
    await record('agent', port, ({ doubt }) => doubt === 'random')
    const window = new TestWindow(engine, sessionId)
    window.type('\r')
    await record('agent', port, ({ doubt }) => doubt === undefined)
    window.close()
    await engine.call('sessions.close', { sessionId })
  })

  it('a process that is not in the workspace, but shares its network', async () => {
    const script = `import socket, time; s = socket.create_server(('127.0.0.1', 21040)); time.sleep(600)`
    const id = await beside(['--network', `container:${container}`], script)
    try {
      for (const way of ways) await record(way, 21_040, ({ doubt }) => doubt === 'no-process')
      expect(opened.agent.map(({ port }) => port)).not.toContain(21_040)
    } finally {
      await command('docker', ['rm', '--force', id])
    }
  })
})

describe('what listens and is not forwarded', { timeout: 180_000 }, () => {
  it('a server over UDP is told as that, once for its two families', async () => {
    await python(
      `a = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); a.bind(('0.0.0.0', 21050)); b = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM); b.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1); b.bind(('::', 21050)); print('there')`,
    )
    for (const { listeners, others } of Object.values(await tables(true))) {
      expect(listeners.map(({ port }) => port)).not.toContain(21_050)
      expect(others.filter(({ address }) => address.endsWith(':21050'))).toMatchObject([
        { kind: 'udp', address: '0.0.0.0:21050', process: { name: 'python3' } },
      ])
    }
  })

  it('a unix socket is told by its path, once however many are connected', async () => {
    await python(
      `s = socket.socket(socket.AF_UNIX); s.bind('/tmp/a server.sock'); s.listen(9); c = [socket.socket(socket.AF_UNIX) for _ in range(3)]; [one.connect('/tmp/a server.sock') for one in c]; print('there')`,
    )
    expect((await raw('unix')).split('/tmp/a server.sock').length).toBeGreaterThan(3)
    for (const { others } of Object.values(await tables(true)))
      expect(others.filter(({ address }) => address === '/tmp/a server.sock')).toMatchObject([
        { kind: 'unix', process: { name: 'python3' } },
      ])
  })

  it('an SSH agent, which lets nobody look into it; a socket without a path is none of anybody else', async () => {
    await python(
      `os.system('ssh-agent -a /tmp/keys.sock >/dev/null'); n = socket.socket(socket.AF_UNIX); n.bind('\\0hidden'); n.listen(); print('there')`,
    )
    try {
      expect(await raw('unix')).toContain('@hidden')
      for (const { listeners, others } of Object.values(await tables(true))) {
        expect(listeners.map(({ port }) => port)).toEqual([marks])
        expect(others.filter(({ kind }) => kind === 'unix').map(({ address }) => address)).toEqual([
          '/tmp/keys.sock',
        ])
      }
    } finally {
      await tryCommand('docker', ['exec', container, 'pkill', 'ssh-agent'])
    }
  })
})
