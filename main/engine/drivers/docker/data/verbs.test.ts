import { tmpdir } from 'node:os'
import { PassThrough, type Readable } from 'node:stream'
import { setImmediate } from 'node:timers/promises'
import { expect, it } from 'vitest'
import { createNodePlatform } from '../../../platform/node'
import type { EngineClient } from '../client'
import { Locator } from '../container/locate'
import { EngineError } from '../problems'
import { dataLabels } from './anatomy'
import { DockerData } from './verbs'

const { signal } = new AbortController()

/** An engine with one snapshot, whose volumes are in use for as long as there is a container. */
class Engine {
  readonly containers = new Set<string>()
  readonly volumes = new Set(['copy', 'record'])
  readonly identity = { targetName: 'test', endpoint: 'unix:///none' }

  failure(error: unknown): unknown {
    return error
  }

  async json(method: string, path: string): Promise<unknown> {
    if (path === '/volumes')
      return { Volumes: [...this.volumes].map((Name) => ({ Name, Labels: { [dataLabels.record]: '{}' } })) }
    if (path === '/containers/json') return []
    if (path === '/images/json') return [{ Id: 'image' }]
    if (path === '/containers/create') {
      this.containers.add('reader')
      return { Id: 'reader' }
    }
    if (method === 'DELETE' && path.startsWith('/volumes/')) {
      if (this.containers.size > 0) throw new EngineError(409, 'volume is in use')
      this.volumes.delete(path.slice('/volumes/'.length))
    }
    if (method === 'DELETE' && path.startsWith('/containers/')) {
      for (let turn = 0; turn < 10; turn++) await setImmediate()
      this.containers.clear()
    }
    return undefined
  }

  async stream(): Promise<Readable> {
    return new PassThrough()
  }
}

it('removes a snapshot that has just been read, and is known to be at it until then', async () => {
  const engine = new Engine()
  const client = engine as unknown as EngineClient
  const platform = createNodePlatform({ version: '0', resources: tmpdir(), env: { HOME: tmpdir() } })
  const data = new DockerData(client, new Locator(client), platform)
  const stream = await data.export('workspace', 'snapshot', 'rows', signal)
  expect([...engine.containers]).toEqual(['reader'])
  const closed = new Promise((resolve) => stream.once('close', resolve))
  stream.destroy()
  await closed
  expect(data.ending.size).toBe(1)
  await data.removeSnapshot('workspace', 'snapshot', signal)
  expect([...engine.volumes]).toEqual([])
  expect(data.ending.size).toBe(0)
})
