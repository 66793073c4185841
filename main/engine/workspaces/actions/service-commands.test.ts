import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { imageDefinition, type Service } from '#contract'
import type { Driver, ResolvedImage } from '../../drivers/driver'
import { digestOf, TestRegistry } from '../../features/test-registry.suite'
import { createNodePlatform } from '../../platform/node'
import { withServiceCommands } from './service-commands'

let registry: TestRegistry
let home: string
beforeEach(async () => {
  registry = await TestRegistry.start()
  home = mkdtempSync(`${tmpdir()}/berth-service-commands-`)
})
afterEach(async () => {
  await registry.stop()
  rmSync(home, { recursive: true, force: true })
})

const service = (name: string, fields: Partial<Service> = {}): Service => ({
  name,
  image: 'x',
  env: {},
  mounts: [],
  ports: [],
  aliases: [],
  dependsOn: [],
  restart: 'never',
  ...fields,
})
const db = service('db', { restart: 'always' })
const onDb = [{ service: 'db', condition: 'started' as const }]

/** What becomes of a service that needs a database, and that another waits for. */
async function made(
  fields: Partial<Service>,
  hasShell: boolean,
  image = `${registry.host}/n/tool:1`,
  cluster = true,
) {
  const definition = {
    ...imageDefinition('debian', 'app'),
    services: [
      db,
      service('migrate', { dependsOn: onDb, ...fields }),
      service('web', { dependsOn: [{ service: 'migrate', condition: 'completed' }] }),
    ],
  }
  const resolved = { services: { migrate: image }, shells: { migrate: hasShell } } as unknown as ResolvedImage
  const platform = createNodePlatform({ version: '0', resources: home, env: { HOME: home } })
  const driver = (cluster ? { cluster: {} } : {}) as Pick<Driver, 'cluster'>
  const { signal } = new AbortController()
  const prepared = await withServiceCommands({ platform }, driver, { definition, image: resolved }, signal)
  const { services, notApplied } = prepared.definition
  const { entrypoint, command } = services[1] ?? {}
  return { entrypoint, command, named: notApplied.map(({ field, reason }) => `${field}: ${reason}`) }
}

function serve(config: object): void {
  const text = JSON.stringify({ config })
  const digest = digestOf(Buffer.from(text))
  registry.intercept = (request, response) => {
    const path = (request.url ?? '').replace('/v2/n/tool/', '')
    if (path === 'manifests/1') response.end(JSON.stringify({ config: { digest } }))
    else if (path === `blobs/${digest}`) response.end(text)
    else return false
    return true
  }
}

describe('withServiceCommands', () => {
  it('says what an image runs, for a service that is to run once beside others', async () => {
    serve({ Entrypoint: ['/tool'], Cmd: ['help'] })
    expect(await made({}, true)).toEqual({ entrypoint: ['/tool'], command: ['help'], named: [] })
    const told = { entrypoint: ['/tool'], command: ['up'], named: [] }
    expect(await made({ command: ['up'] }, true)).toEqual(told)
    expect(await made({ entrypoint: ['own'] }, true)).toMatchObject({ entrypoint: ['own'], named: [] })
    serve({ Cmd: ['npm', 'start'] })
    expect(await made({ command: ['npm', 'run', 'migrate'] }, true)).toEqual({
      entrypoint: ['npm', 'run', 'migrate'],
      command: undefined,
      named: [],
    })
  })

  it('names what runs again and again', async () => {
    expect((await made({ entrypoint: ['/tool'] }, false)).named).toEqual([
      expect.stringMatching(/^services\.migrate: .*no shell/),
    ])
    const unknown = await made({ command: ['up'] }, true, `${registry.host}/n/none:1`)
    expect(unknown).toEqual({
      entrypoint: undefined,
      command: ['up'],
      named: [expect.stringMatching(/^services\.migrate: .*name its "entrypoint"/)],
    })
  })

  it('changes nothing where the target starts nothing again', async () => {
    expect(await made({ command: ['up'] }, true, 'x', false)).toMatchObject({
      entrypoint: undefined,
      named: [],
    })
  })
})
