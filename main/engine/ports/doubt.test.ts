import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { EventPayload, Listener } from '#contract'
import { systemClock } from '../platform/clock'
import { FakeLinks, fakePlatform, fakeWorkspace, fakeWorkspaces } from './fakes'
import { createPorts, type PortService } from './index'

const ID = 'aaaaaaaaaa'
let links: FakeLinks
let service: PortService
let events: EventPayload<'port.opened'>[]
/** Numbers that a terminal shows. */
let shown: Set<number>
/** The time, while it stands still: what is looked at in it has not lasted, however slow this machine is. */
let still: number | undefined

beforeEach(() => {
  links = new FakeLinks()
  events = []
  shown = new Set()
  still = undefined
  service = createPorts({
    platform: { ...fakePlatform(), clock: { ...systemClock, now: () => still ?? systemClock.now() } },
    // One that came up just now: what listens is news.
    workspaces: fakeWorkspaces(fakeWorkspace({ id: ID, name: 'shop', startedAt: Date.now() })),
    links,
    shows: (_, number) => shown.has(number),
    emit: (name, payload) => {
      if (name === 'port.opened') events.push(payload as EventPayload<'port.opened'>)
    },
  })
})
afterEach(() => service.dispose())

const process = { pid: 1, name: 'node', command: 'node server.js' }
const port = (number: number) => service.ports.get(`${ID}:${number}`)
const show = (number: number, rest: Partial<Listener> = { process }) =>
  links.get(ID).show({ port: number, address: '127.0.0.1', ...rest })

describe('a port in doubt', () => {
  it('has a number that the system gave, until a terminal shows it; only then it is announced', async () => {
    show(40_001)
    await vi.waitFor(() => expect(port(40_001)).toMatchObject({ doubt: 'random', state: 'live' }))
    show(28_001)
    await vi.waitFor(() => expect(events.map((event) => event.port)).toEqual([28_001]))
    expect(port(28_001)?.doubt).toBeUndefined()
    expect(port(40_001)?.doubt).toBe('random')
    shown.add(40_001)
    await vi.waitFor(() => expect(port(40_001)?.doubt).toBeUndefined())
  })

  it('has no process, for longer than it takes to find one', async () => {
    still = systemClock.now()
    show(28_002, {})
    await vi.waitFor(() => expect(port(28_002)?.state).toBe('live'))
    expect(port(28_002)?.doubt).toBeUndefined()
    still = undefined
    await vi.waitFor(() => expect(port(28_002)?.doubt).toBe('no-process'))
    expect(events).toEqual([])
  })

  it('is none that was forwarded by hand', async () => {
    await service.handlers['ports.forward']({ workspaceId: ID, port: 40_002 }, new AbortController().signal)
    show(40_002, {})
    show(28_003)
    await vi.waitFor(() => expect(events.map((event) => event.port)).toContain(28_003))
    expect(port(40_002)).toMatchObject({ state: 'live' })
    expect(port(40_002)?.doubt).toBeUndefined()
  })
})

it('forgets what listened for a moment, and tells nobody', async () => {
  still = systemClock.now()
  show(28_004)
  await vi.waitFor(() => expect(port(28_004)?.forward).toBeDefined())
  links.get(ID).unserve(28_004)
  await vi.waitFor(() => expect(port(28_004)?.state).toBe('not-listening'))
  still = undefined
  show(28_005)
  await vi.waitFor(() => expect(port(28_004)).toBeUndefined())
  expect(events.map((event) => event.port)).toEqual([28_005])
  expect(port(28_005)?.state).toBe('live')
})

it('calls a port that Docker in the workspace publishes by its container', async () => {
  const command = 'docker-proxy -proto tcp -host-port 28006 -container-ip 172.18.0.2 -container-port 80'
  show(28_006, { process: { pid: 9, name: 'docker-proxy', command } })
  await vi.waitFor(() => expect(port(28_006)?.label).toBe('Container 172.18.0.2, port 80'))
})

it('tells what else listens, so many and how many more, for as long as there is some', async () => {
  const others = Array.from({ length: 203 }, (_, index) => ({
    kind: 'udp' as const,
    address: `0.0.0.0:${index + 1}`,
  }))
  links.get(ID).setTable({ available: true, listeners: [], others })
  await vi.waitFor(() => expect(service.sockets.get(ID)?.listeners).toHaveLength(200))
  expect(service.sockets.get(ID)?.more).toBe(3)
  links.get(ID).setTable({ available: true, listeners: [], others: others.slice(0, 1) })
  await vi.waitFor(() =>
    expect(service.sockets.list()).toEqual([{ id: ID, listeners: [others[0]], more: 0 }]),
  )
  links.get(ID).setTable({ available: false })
  await vi.waitFor(() => expect(service.sockets.list()).toEqual([]))
})
