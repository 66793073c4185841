import { setImmediate } from 'node:timers/promises'
import { beforeEach, describe, expect, it } from 'vitest'
import { silentLogger } from '../../../platform/logger'
import type { ContainerInspect } from '../api'
import type { EngineClient } from '../client'
import { labels } from '../container/anatomy'
import { Tending } from './tending'

/** An engine with a workspace's container and one service, each of which runs since the second of that number, or not. */
class Engine {
  readonly asked: string[] = []
  readonly since: Record<string, number | undefined> = { host: 1, service: 2 }
  #now = 2

  set(id: 'host' | 'service', runs: boolean): void {
    this.since[id] = runs ? ++this.#now : undefined
  }

  inspect(id: string): ContainerInspect {
    const since = this.since[id]
    return {
      Id: id,
      State: {
        Running: since !== undefined,
        Paused: false,
        StartedAt: new Date((since ?? 0) * 1000).toISOString(),
      },
      Config: { Labels: id === 'service' ? { [labels.serviceOf]: 'workspace' } : {} },
      HostConfig: { NetworkMode: id === 'service' ? 'container:host' : 'default' },
    } as unknown as ContainerInspect
  }

  async json(method: string, path: string): Promise<unknown> {
    const [, , id = '', verb = ''] = path.split('/')
    if (method === 'GET') return this.inspect(id)
    this.asked.push(verb)
    this.set('service', verb !== 'stop')
    return undefined
  }
}

describe('tending', () => {
  let engine: Engine
  let tending: Tending
  beforeEach(() => {
    engine = new Engine()
    tending = new Tending(engine as unknown as EngineClient, silentLogger)
  })

  const see = async () => {
    tending.see([engine.inspect('host')], [engine.inspect('service')])
    // All that it does has been done by then: this engine answers at once.
    await setImmediate()
  }

  it('stops a service with its workspace, and starts it with it again', async () => {
    await see()
    engine.set('host', false)
    await see()
    engine.set('host', true)
    await see()
    expect(engine.asked).toEqual(['stop', 'start'])
  })

  it('leaves one alone that ends after somebody else has started it again', async () => {
    engine.set('host', false)
    await see()
    engine.set('host', true)
    engine.set('service', true)
    await see()
    // Such as for as long as its data is copied.
    engine.set('service', false)
    await see()
    expect(engine.asked).toEqual(['stop'])
  })

  it('knows that it runs again also from what it sees while Berth starts it', async () => {
    engine.set('host', false)
    await see()
    await tending.hold('workspace', async () => {
      engine.set('host', true)
      engine.set('service', true)
      tending.see([engine.inspect('host')], [engine.inspect('service')])
    })
    engine.set('service', false)
    await see()
    expect(engine.asked).toEqual(['stop'])
  })
})
