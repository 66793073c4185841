import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import net, { type AddressInfo } from 'node:net'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { type EventPayload, type Port, ProblemError, problem } from '#contract'
import { waitFor } from '../platform/collection'
import { FakeLinks, fakePlatform, fakeWorkspace, fakeWorkspaces } from './fakes'
import { createPorts, type PortService } from './index'

const ID = 'aaaaaaaaaa'
let links = new FakeLinks()
let platform = fakePlatform()
let workspaces = fakeWorkspaces()
let service: PortService
let events: EventPayload<'port.opened'>[] = []
const servers: net.Server[] = []
const accepted = new Set<net.Socket>()

beforeEach(() => {
  links = new FakeLinks()
  platform = fakePlatform()
  events = []
})
afterEach(async () => {
  await service.dispose()
  for (const socket of accepted) socket.destroy()
  for (const server of servers.splice(0)) await new Promise((resolve) => server.close(resolve))
  await vi.waitFor(() => expect(links.get(ID).open.size).toBe(0))
})

function start(fields: Parameters<typeof fakeWorkspace>[0] = { id: ID, name: 'shop' }): void {
  workspaces = fakeWorkspaces(fakeWorkspace(fields))
  service = createPorts({
    platform,
    workspaces,
    links,
    emit: (name, payload) => {
      if (name === 'port.opened') events.push(payload as EventPayload<'port.opened'>)
    },
  })
}

function definition(fields: Partial<ReturnType<typeof fakeWorkspace>['definition']>) {
  return { ...fakeWorkspace({ id: ID, name: 'shop' }).definition, ...fields }
}

async function app(handler: (socket: net.Socket) => void = (socket) => socket.pipe(socket)): Promise<number> {
  const server = net.createServer({ allowHalfOpen: true }, (socket) => {
    accepted.add(socket)
    socket.on('error', () => undefined)
    socket.on('close', () => accepted.delete(socket))
    handler(socket)
  })
  servers.push(server)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return (server.address() as AddressInfo).port
}

const port = (number: number) => service.ports.get(`${ID}:${number}`)
const until = (number: number, predicate: (port: Port | undefined) => boolean) =>
  waitFor(service.ports, `${ID}:${number}`, predicate, AbortSignal.timeout(25_000))
const forwarded = (number: number) => until(number, (found) => found?.forward !== undefined)

/** A number that is free on this machine at the moment. */
async function free(): Promise<number> {
  const server = net.createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port: number } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return number
}

/** The first of three numbers in a row that are free, below those that the system gives by chance. */
async function row(): Promise<number> {
  for (;;) {
    const first = 20_000 + Math.floor(Math.random() * 10_000)
    const tried = await Promise.all([first, first + 1, first + 2].map(isFree))
    if (tried.every(Boolean)) return first
  }
}

function isFree(number: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = net.createServer().once('error', () => resolve(false))
    server.listen(number, '::', () => server.close(() => resolve(true)))
  })
}

async function connect(number: number, host = '127.0.0.1'): Promise<net.Socket> {
  const socket = net.connect({ port: number, host, allowHalfOpen: true })
  await once(socket, 'connect')
  return socket
}

async function everything(socket: net.Socket): Promise<string> {
  let text = ''
  for await (const piece of socket) text += piece
  return text
}

describe('a forward', () => {
  it('has the same number where it is free, on both loopback addresses, and carries bytes', async () => {
    start()
    const number = await free()
    links.get(ID).serve(number, await app())
    const found = await forwarded(number)
    expect(found).toMatchObject({ state: 'live', forward: { localAddress: '127.0.0.1', localPort: number } })
    for (const host of ['127.0.0.1', '::1']) {
      const socket = await connect(number, host)
      socket.end('hello')
      expect(await everything(socket)).toBe('hello')
    }
  })

  it('has another number where it is taken', async () => {
    start()
    const blocker = net.createServer().listen(0, '127.0.0.1')
    servers.push(blocker)
    await once(blocker, 'listening')
    const number = (blocker.address() as AddressInfo).port
    links.get(ID).serve(number, await app())
    expect((await forwarded(number))?.forward?.localPort).not.toBe(number)
  })

  it.each(['127.0.0.1', '::1'])('has the next number where somebody else has it on %s', async (host) => {
    const number = await row()
    const blocker = net.createServer().listen(number, host)
    servers.push(blocker)
    await once(blocker, 'listening')
    // The number after it is another port's own.
    start({ id: ID, name: 'shop', definition: definition({ forwardPorts: [number, number + 1] }) })
    links.get(ID).serve(number, await app())
    expect((await forwarded(number))?.forward?.localPort).toBe(number + 2)
    expect((await forwarded(number + 1))?.forward?.localPort).toBe(number + 1)
    for (const way of ['127.0.0.1', '::1']) {
      const socket = await connect(number + 2, way)
      socket.end('hello')
      expect(await everything(socket)).toBe('hello')
    }
  })

  it('is a Problem where the definition insists on a number that is taken, and heals when it is free', async () => {
    const blocker = net.createServer().listen(0, '127.0.0.1')
    await once(blocker, 'listening')
    const number = (blocker.address() as AddressInfo).port
    start({
      id: ID,
      name: 'shop',
      definition: definition({ portsAttributes: { [String(number)]: { requireLocalPort: true } } }),
    })
    const actual = await app()
    links.get(ID).serve(number, actual)
    const failed = await until(number, (found) => found?.state === 'failed')
    expect(failed?.problem).toMatchObject({ code: 'port-busy' })
    expect(failed?.problem?.cause).toContain(String(number))
    expect(failed?.forward).toBeUndefined()
    await new Promise((resolve) => blocker.close(resolve))
    links.get(ID).unserve(number)
    await until(number, (found) => found === undefined)
    links.get(ID).serve(number, actual)
    expect((await forwarded(number))?.state).toBe('live')
  })

  it('passes a half-close and a reset, and a failure ends that connection only', async () => {
    start()
    const number = await free()
    links.get(ID).serve(
      number,
      await app((socket) => {
        socket.on('data', (data) => {
          if (String(data) === 'reset') socket.resetAndDestroy()
        })
        socket.on('end', () => socket.end('bye'))
      }),
    )
    await forwarded(number)
    const other = await connect(number)
    const broken = await connect(number)
    broken.write('reset')
    const [error] = (await once(broken, 'error')) as [NodeJS.ErrnoException]
    expect(error.code).toBe('ECONNRESET')
    other.end('anything')
    expect(await everything(other)).toBe('bye')
  })

  it('counts its connections', async () => {
    start()
    const number = await free()
    links.get(ID).serve(number, await app())
    await forwarded(number)
    const socket = await connect(number)
    await until(number, (found) => found?.forward?.connections === 1)
    socket.destroy()
    await until(number, (found) => found?.forward?.connections === 0)
  })

  it('ends a wait for an app when it is closed', async () => {
    start()
    const number = await free()
    links.get(ID).serve(number, await app())
    await forwarded(number)
    workspaces.patch(ID, { state: 'starting', reason: 'it starts' })
    const socket = await connect(number)
    const failed = once(socket, 'error')
    await service.handlers['ports.stop']({ workspaceId: ID, port: number }, AbortSignal.timeout(25_000))
    expect(((await failed) as [NodeJS.ErrnoException])[0].code).toBe('ECONNRESET')
    workspaces.patch(ID, { state: 'running', reason: 'it runs', incarnation: 'second' })
    await new Promise(setImmediate)
    expect(links.get(ID).dials).toBe(0)
  })

  it('resets a connection where nothing listens', async () => {
    start()
    const number = await free()
    const link = links.get(ID)
    link.serve(number, await app())
    await forwarded(number)
    link.unserve(number)
    await until(number, (found) => found?.state === 'not-listening')
    const socket = net.connect(number, '127.0.0.1')
    const [error] = (await once(socket, 'error')) as [NodeJS.ErrnoException]
    expect(error.code).toBe('ECONNRESET')
  })

  it('is stopped with all that goes over it', async () => {
    start()
    const number = await free()
    links.get(ID).serve(number, await app())
    await forwarded(number)
    const socket = await connect(number)
    socket.on('error', () => undefined)
    const closed = new Promise((resolve) => socket.once('close', resolve))
    await service.handlers['ports.stop']({ workspaceId: ID, port: number }, AbortSignal.timeout(25_000))
    await closed
    await expect(connect(number)).rejects.toThrow(/ECONNREFUSED/)
    expect(port(number)).toMatchObject({ state: 'live' })
    expect(port(number)?.forward).toBeUndefined()
    // And stays so, although it listens.
    links.get(ID).show({ port: 1, address: '127.0.0.1' })
    expect(port(number)?.forward).toBeUndefined()
  })
})

describe('while the workspace is away', () => {
  it('holds connections and answers them when it is back, at the same address', async () => {
    start()
    const number = await free()
    const link = links.get(ID)
    const actual = await app()
    link.serve(number, actual)
    await forwarded(number)
    workspaces.patch(ID, { state: 'stopping', reason: 'it stops' })
    link.setTable({ available: false })
    await until(number, (found) => found?.state === 'reconnecting')
    const held = await connect(number)
    held.end('held')
    workspaces.patch(ID, { state: 'starting', reason: 'it starts' })
    await new Promise((resolve) => setTimeout(resolve, 50))
    // Up, and the app not yet: a refusal just after the start is waited out too.
    workspaces.patch(ID, {
      state: 'running',
      reason: 'it runs',
      incarnation: 'second',
      startedAt: Date.now(),
    })
    link.unserve(number)
    await new Promise((resolve) => setTimeout(resolve, 300))
    link.serve(number, actual)
    expect(await everything(held)).toBe('held')
    expect(await until(number, (found) => found?.state === 'live')).toMatchObject({
      forward: { localPort: number },
    })
  })

  it.each([
    ['sends first words along', true],
    ['leaves first words to the forward', false],
  ])('brings all that was said in order, once, where the link %s', async (_, sends) => {
    start()
    const number = await free()
    const link = links.get(ID)
    link.sends = sends
    link.serve(number, await app())
    await forwarded(number)
    link.failure = problem({ code: 'connection-lost', title: 'lost', cause: 'lost', remedy: 'wait' })
    const few = await connect(number)
    few.end('few')
    const silent = await connect(number)
    const many = await connect(number)
    const flood = randomBytes(3_000_000).toString('hex')
    many.end(flood)
    await vi.waitFor(() => expect(link.dials).toBeGreaterThan(1))
    link.failure = undefined
    expect(await everything(few)).toBe('few')
    expect((await everything(many)) === flood).toBe(true)
    silent.end('late')
    expect(await everything(silent)).toBe('late')
  })

  it('remembers its ports as not listening while it is stopped', async () => {
    start()
    const number = await free()
    links.get(ID).serve(number, await app())
    await forwarded(number)
    workspaces.patch(ID, { state: 'stopped', reason: 'stopped by you' })
    links.get(ID).setTable({ available: false })
    expect(await until(number, (found) => found?.state === 'not-listening')).toMatchObject({
      forward: { localPort: number },
    })
  })

  it('forgets them with the workspace', async () => {
    start()
    const number = await free()
    links.get(ID).serve(number, await app())
    await forwarded(number)
    workspaces.delete(ID)
    await until(number, (found) => found === undefined)
    await expect(connect(number)).rejects.toThrow(/ECONNREFUSED/)
  })

  it('lets the first of those who wait try for all, and another one when that one gave up', async () => {
    start()
    const number = await free()
    const link = links.get(ID)
    link.serve(number, await app())
    await forwarded(number)
    link.failure = problem({ code: 'connection-lost', title: 'lost', cause: 'lost', remedy: 'wait' })
    const first = await connect(number)
    await vi.waitFor(() => expect(link.dials).toBeGreaterThan(1))
    const others = await Promise.all(Array.from({ length: 50 }, () => connect(number)))
    for (const [index, socket] of others.entries()) socket.end(`${index}`)
    const before = link.dials
    await vi.waitFor(() => expect(link.dials).toBeGreaterThan(before + 2))
    expect(link.dials).toBeLessThan(before + 50)
    first.on('error', () => undefined).resetAndDestroy()
    link.failure = undefined
    expect(await Promise.all(others.map(everything))).toEqual(others.map((_, index) => `${index}`))
  })

  it('ends a held connection whose client gave up', async () => {
    start()
    const number = await free()
    const link = links.get(ID)
    link.serve(number, await app())
    await forwarded(number)
    link.failure = problem({ code: 'connection-lost', title: 'lost', cause: 'lost', remedy: 'wait' })
    const socket = await connect(number)
    await vi.waitFor(() => expect(link.dials).toBeGreaterThan(1))
    socket.resetAndDestroy()
    await new Promise((resolve) => setTimeout(resolve, 600))
    const { dials } = link
    await new Promise((resolve) => setTimeout(resolve, 600))
    expect(link.dials).toBe(dials)
  })
})

describe('what the definition and the settings say', () => {
  it('forwards forwardPorts before anything listens', async () => {
    const number = await free()
    start({ id: ID, name: 'shop', definition: definition({ forwardPorts: [number] }) })
    expect(await forwarded(number)).toMatchObject({ origin: 'definition', state: 'not-listening' })
  })

  it('ignores, labels and announces by number, range and command', async () => {
    start({
      id: ID,
      name: 'shop',
      definition: definition({
        portsAttributes: {
          '3000-3010': { label: 'range', onAutoForward: 'openBrowser' },
          '3005': { label: 'exact', onAutoForward: 'openPreview' },
          'node .*secret': { onAutoForward: 'ignore' },
          '(': { label: 'no pattern' },
        },
        otherPortsAttributes: { onAutoForward: 'silent', label: 'other' },
      }),
    })
    const link = links.get(ID)
    const actual = await app()
    // A workspace that came up just now: what listens is news.
    workspaces.patch(ID, { startedAt: Date.now() })
    link.serve(3005, actual)
    link.serve(3001, actual)
    link.serve(4000, actual, { process: { pid: 1, name: 'node', command: 'node my secret' } })
    link.serve(5000, actual)
    await forwarded(5000)
    await forwarded(3001)
    await forwarded(3005)
    expect(port(3005)).toMatchObject({ label: 'exact', onAutoForward: 'openPreview' })
    expect(port(3001)).toMatchObject({ label: 'range', onAutoForward: 'openBrowser' })
    expect(port(4000)).toMatchObject({ onAutoForward: 'ignore', state: 'live' })
    expect(port(4000)?.forward).toBeUndefined()
    expect(port(5000)).toMatchObject({ label: 'other', onAutoForward: 'silent' })
    const announced = () => events.map((event) => [event.port, event.onAutoForward]).sort()
    const all = [
      [3001, 'openBrowser'],
      [3005, 'openPreview'],
    ]
    await vi.waitFor(() => expect(announced()).toEqual(all))
    expect(events.every((event) => event.url?.startsWith('http://300'))).toBe(true)
    // Seen again in the same run: no news.
    link.unserve(3001)
    await until(3001, (found) => found?.state === 'not-listening')
    link.serve(3001, actual)
    await until(3001, (found) => found?.state === 'live')
    expect(events).toHaveLength(2)
  })

  it('forwards nothing by itself when told not to, and by hand all the same', async () => {
    platform.change({ autoForward: false })
    const number = await free()
    const portsAttributes = { [number]: { path: '/api?x=1' } }
    start({ id: ID, name: 'shop', definition: definition({ portsAttributes }) })
    links.get(ID).serve(number, await app())
    await until(number, (found) => found?.state === 'live')
    expect(port(number)?.forward).toBeUndefined()
    const answer = await service.handlers['ports.forward'](
      { workspaceId: ID, port: number, label: 'mine' },
      AbortSignal.timeout(25_000),
    )
    expect(answer.localPort).toBe(number)
    expect(answer.url).toBe(`http://${number}-shop.localhost:${service.routerPort()}/api?x=1`)
    expect(port(number)).toMatchObject({ label: 'mine', origin: 'detected' })
    await service.handlers['ports.label'](
      { workspaceId: ID, port: number, label: 'yours' },
      AbortSignal.timeout(25_000),
    )
    expect(port(number)?.label).toBe('yours')
  })

  it('gives no URL to what speaks no HTTP', async () => {
    start()
    const actual = await app()
    links.get(ID).serve(5432, actual, { process: { pid: 1, name: 'postgres', command: 'postgres' } })
    const found = await forwarded(5432)
    expect(found?.protocol).toBe('tcp')
    expect(found?.forward?.url).toBeUndefined()
  })

  it('says when something does not listen on localhost', async () => {
    start()
    links.get(ID).serve(3000, await app(), { address: '172.17.0.2' })
    const found = await until(3000, (record) => record?.state === 'failed')
    expect(found?.problem?.cause).toContain('172.17.0.2')
  })
})

describe('by hand', () => {
  it('moves to another local port, and leaves the first where the second is taken', async () => {
    start()
    const number = await free()
    links.get(ID).serve(number, await app())
    await forwarded(number)
    const blocker = net.createServer().listen(0, '127.0.0.1')
    servers.push(blocker)
    await once(blocker, 'listening')
    const taken = (blocker.address() as AddressInfo).port
    const forward = (localPort: number) =>
      service.handlers['ports.forward'](
        { workspaceId: ID, port: number, localPort },
        AbortSignal.timeout(25_000),
      )
    const error = await forward(taken).catch((thrown: unknown) => thrown)
    expect((error as ProblemError).problem).toMatchObject({ code: 'port-busy' })
    expect(port(number)?.forward?.localPort).toBe(number)
    const other = await free()
    expect((await forward(other)).localPort).toBe(other)
    expect(port(number)?.forward?.localPort).toBe(other)
    await expect(connect(number)).rejects.toThrow(/ECONNREFUSED/)
  })

  it('is refused for a workspace and a port that are not known', async () => {
    start()
    for (const action of [
      service.handlers['ports.forward']({ workspaceId: 'zzzzzzzzzz', port: 1 }, AbortSignal.timeout(25_000)),
      service.handlers['ports.stop']({ workspaceId: ID, port: 1 }, AbortSignal.timeout(25_000)),
      service.handlers['ports.label']({ workspaceId: ID, port: 1, label: '' }, AbortSignal.timeout(25_000)),
    ]) {
      const error = await action.catch((thrown: unknown) => thrown)
      expect(error).toBeInstanceOf(ProblemError)
      expect((error as ProblemError).problem.code).toBe('not-found')
    }
  })
})

it('takes no router port for a process that forwards nothing', async () => {
  start({ id: ID, name: 'shop', state: 'stopped' })
  await service.settled
  expect(service.routerPort()).toBeUndefined()
})

describe('what cannot be detected', () => {
  const noShell = {
    code: 'no-shell',
    title: 'Ports cannot be detected',
    cause: 'no shell',
    remedy: 'By hand.',
  } as const

  it('is told for as long as it is so', async () => {
    start()
    links.get(ID).setTable({ available: false, problem: noShell })
    await vi.waitFor(() => expect(service.detections.list()).toEqual([{ id: ID, problem: noShell }]))
    links.get(ID).setTable({ available: true, listeners: [], others: [] })
    await vi.waitFor(() => expect(service.detections.list()).toEqual([]))
  })

  it('is nothing while the workspace simply does not run, and goes with it', async () => {
    start()
    links.get(ID).setTable({ available: false })
    links.get(ID).show({ port: 81, address: '127.0.0.1' })
    await until(81, (found) => found?.state === 'live')
    expect(service.detections.list()).toEqual([])
    links.get(ID).setTable({ available: false, problem: noShell })
    await vi.waitFor(() => expect(service.detections.list()).toHaveLength(1))
    workspaces.delete(ID)
    await vi.waitFor(() => expect(service.detections.list()).toEqual([]))
  })
})
