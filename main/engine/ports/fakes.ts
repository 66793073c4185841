import net from 'node:net'
import type { Duplex } from 'node:stream'
import { cancelled, imageDefinition, type Listener, problem, Settings, type Workspace } from '#contract'
import {
  type FirstWords,
  type Link,
  type Links,
  type ListeningTable,
  noActivity,
  noCredentials,
  noFiles,
  noTerminals,
} from '../link/link'
import { systemClock } from '../platform/clock'
import { Collection } from '../platform/collection'
import { silentLogger } from '../platform/logger'
import type { Platform } from '../platform/platform'

/** For tests: a platform of which ports use clock, logger and settings only. */
export function fakePlatform(
  settings: Partial<Settings> = {},
  /** Where routers are announced; nothing is written where it does not exist and cannot be made. */
  state = '/dev/null/state',
): Platform & {
  change(fields: Partial<Settings>): void
} {
  let current: Settings = Settings.parse({ routerPort: 0, ...settings })
  const listeners = new Set<(settings: Settings) => void>()
  const change = (fields: Partial<Settings>) => {
    current = { ...current, ...fields }
    for (const listener of listeners) listener(current)
  }
  const unused = () => {
    throw new Error('not part of this test')
  }
  return {
    clock: systemClock,
    logger: silentLogger,
    processes: { spawn: unused, run: unused, launch: unused },
    folders: { home: '', config: '', cache: '', state, temporary: '', resources: '' },
    settings: {
      get: () => current,
      change: async (fields) => {
        change(fields)
        return current
      },
      onChange(listener) {
        listeners.add(listener)
        return () => {
          listeners.delete(listener)
        }
      },
    },
    keychain: { get: unused, set: unused, remove: unused },
    env: {},
    version: '0',
    change,
  }
}

export function fakeWorkspace(fields: Partial<Workspace> & { id: string; name: string }): Workspace {
  return {
    targetId: 'docker:fake',
    state: 'running',
    reason: 'it runs',
    source: { kind: 'image', image: 'image' },
    definition: {
      ...imageDefinition('image', 'app'),
      workspaceFolder: '/',
    },
    image: 'image',
    user: { name: 'root', uid: 0, gid: 0, home: '/root', shell: '/bin/sh' },
    owner: 'me',
    createdAt: 1,
    startedAt: 2,
    incarnation: 'first',
    ...fields,
  }
}

/** A workspace whose ports are ports of this machine: `serve` says which of its numbers is where. */
export class FakeLink implements Link {
  readonly workspaceId: string
  readonly terminals = noTerminals
  readonly files = noFiles
  readonly openSsh = () => Promise.reject(new Error('no SSH here'))
  readonly credentials = noCredentials
  readonly activity = noActivity
  readonly userEnvironment = async () => ({ variables: {} })
  readonly open = new Set<Duplex>()
  readonly #addresses = new Map<number, number>()
  readonly #waiting = new Set<() => void>()
  #table: ListeningTable = { available: true, listeners: [], others: [] }
  #version = 0
  /** When present, every dial fails with it. */
  failure: Error | undefined
  dials = 0
  /** Whether first words are sent along with a connection. */
  sends = false
  stirred = 0

  constructor(workspaceId: string) {
    this.workspaceId = workspaceId
  }

  serve(port: number, actual: number, listener: Partial<Listener> = {}): void {
    this.#addresses.set(port, actual)
    this.show({ ...listener, port, address: listener.address ?? '127.0.0.1' })
  }

  unserve(port: number): void {
    this.#addresses.delete(port)
    if (this.#table.available) {
      this.setTable({
        available: true,
        listeners: this.#table.listeners.filter((listener) => listener.port !== port),
        others: this.#table.others,
      })
    }
  }

  show(listener: Listener): void {
    const { listeners, others } = this.#table.available ? this.#table : { listeners: [], others: [] }
    this.setTable({ available: true, listeners: [...listeners, listener], others })
  }

  setTable(table: ListeningTable): void {
    this.#table = table
    this.#version += 1
    for (const wake of this.#waiting) wake()
  }

  async *listeners(signal: AbortSignal): AsyncGenerator<ListeningTable> {
    let seen = -1
    while (!signal.aborted) {
      if (seen !== this.#version) {
        seen = this.#version
        yield this.#table
        continue
      }
      await new Promise<void>((resolve) => {
        const wake = () => {
          this.#waiting.delete(wake)
          resolve()
        }
        this.#waiting.add(wake)
        signal.addEventListener('abort', wake, { once: true })
      })
    }
  }

  async dial(port: number, signal: AbortSignal, words?: FirstWords): Promise<Duplex> {
    this.dials += 1
    if (this.failure) throw this.failure
    const socket = await this.#dial(port, signal)
    const said = this.sends ? (words?.said() ?? Buffer.alloc(0)) : Buffer.alloc(0)
    if (said.length > 0) {
      socket.write(said)
      words?.sent(said)
    }
    return socket
  }

  #dial(port: number, signal: AbortSignal): Promise<Duplex> {
    const actual = this.#addresses.get(port)
    const refused = problem({
      code: 'port-refused',
      title: `Nothing listens on port ${port}`,
      cause: 'refused',
      remedy: 'serve',
    })
    if (actual === undefined) return Promise.reject(refused)
    return new Promise((resolve, reject) => {
      const socket = net.connect({ port: actual, host: '127.0.0.1', allowHalfOpen: true })
      const onAbort = () => {
        socket.destroy()
        reject(cancelled('The connection'))
      }
      signal.addEventListener('abort', onAbort, { once: true })
      socket.once('connect', () => {
        // It covers the connecting only.
        signal.removeEventListener('abort', onAbort)
        this.open.add(socket)
        socket.on('error', () => undefined)
        socket.once('close', () => this.open.delete(socket))
        resolve(socket)
      })
      socket.once('error', () => reject(refused))
    })
  }

  stir(): void {
    this.stirred += 1
  }

  foreground = async () => undefined
  missing = async () => undefined
  exec = async (): Promise<never> => {
    throw new Error('not part of this test')
  }
  read = this.exec
  write = this.exec
}

export class FakeLinks implements Links {
  readonly #links = new Map<string, FakeLink>()

  get(workspaceId: string): FakeLink {
    let link = this.#links.get(workspaceId)
    if (!link) {
      link = new FakeLink(workspaceId)
      this.#links.set(workspaceId, link)
    }
    return link
  }
}

export function fakeWorkspaces(...records: readonly Workspace[]): Collection<Workspace> {
  const workspaces = new Collection<Workspace>()
  for (const record of records) workspaces.set(record)
  return workspaces
}
