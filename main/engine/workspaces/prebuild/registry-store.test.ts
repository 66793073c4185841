import { createHash } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type PrebuildRecord, prebuildLabel } from '#contract'
import { createNodePlatform } from '../../platform/node'
import { newestTags, prebuildTag, RegistryPrebuilds, readPrebuildTag } from './registry-store'

const never = new AbortController().signal
const url = 'https://example.com/owner/project'
const recordOf = (fields: Partial<PrebuildRecord> = {}): PrebuildRecord => ({
  version: 1,
  id: '0123456789ab',
  url,
  commit: 'a'.repeat(40),
  madeAt: 1_800_000_000_000,
  platform: 'linux/amd64',
  fields: {},
  bases: [],
  ...fields,
})
const digestOf = (text: string) => `sha256:${createHash('sha256').update(text).digest('hex')}`

describe('the tag of a prebuild', () => {
  it('says whose it is and when it was made, the same for every way to the repository', () => {
    const tag = prebuildTag(recordOf())
    expect(tag).toMatch(/^[\w][\w.-]{0,127}$/)
    expect(readPrebuildTag(tag)).toMatchObject({ id: '0123456789ab', madeAt: 1_800_000_000_000 })
    expect(prebuildTag(recordOf({ url: 'git@example.com:owner/project.git' }))).toBe(tag)
    expect(prebuildTag(recordOf({ url: `${url}-2` }))).not.toBe(tag)
    for (const other of ['latest', 'berth-0123', `${tag}-x`, tag.replace('prebuild', 'other')])
      expect(readPrebuildTag(other)).toBeUndefined()
  })

  it('tells which of them are looked at', () => {
    const tags = [
      recordOf({ madeAt: 1 }),
      recordOf({ madeAt: 3 }),
      recordOf({ madeAt: 2 }),
      recordOf({ id: 'ffffffffffff', madeAt: 4 }),
      recordOf({ url: 'https://example.com/other', madeAt: 5 }),
    ].flatMap((record) => readPrebuildTag(prebuildTag(record)) ?? [])
    expect(newestTags(tags, `ssh://git@example.com/owner/project`).map(({ madeAt }) => madeAt)).toEqual([
      4, 3,
    ])
  })
})

/** A registry with one repository, `team/app`, as far as it is asked here. */
class FakeRegistry {
  readonly tags = new Map<string, string>()
  readonly documents = new Map<string, string>()
  readonly asked: string[] = []
  /** Whether it lets images be deleted, and how many tags one answer has. */
  deletes = true
  page = 1000
  readonly server: Server = createServer((request, response) => {
    const { method = '', url: path = '' } = request
    this.asked.push(`${method} ${path}`)
    const { pathname, searchParams } = new URL(path, 'http://registry')
    const [, kind = '', name = ''] = /^\/v2\/team\/app\/(tags|manifests|blobs)\/(.*)$/.exec(pathname) ?? []
    if (kind === 'tags') {
      if (this.tags.size === 0) return response.writeHead(404).end('{}')
      const all = [...this.tags.keys()].sort()
      const from = all.filter((tag) => tag > (searchParams.get('last') ?? ''))
      const some = from.slice(0, this.page)
      const link = `</v2/team/app/tags/list?n=1&last=${some.at(-1)}>; rel="next"`
      response.writeHead(200, from.length > some.length ? { link } : {})
      return response.end(JSON.stringify({ name: 'team/app', tags: some }))
    }
    const digest = this.tags.get(name) ?? name
    const found = this.documents.get(digest)
    if (found === undefined) return response.writeHead(404).end('{}')
    if (method === 'DELETE') {
      if (!this.deletes) return response.writeHead(405).end('{}')
      this.documents.delete(digest)
      for (const [tag, of] of this.tags) if (of === digest) this.tags.delete(tag)
      return response.writeHead(202).end()
    }
    response.writeHead(200, { 'docker-content-digest': digest })
    return response.end(method === 'HEAD' ? undefined : found)
  })

  add(tag: string, label: string): void {
    const config = JSON.stringify({ config: { Labels: { [prebuildLabel]: label } } })
    const manifest = JSON.stringify({
      config: { digest: digestOf(config) },
      layers: [{ size: 7 }, { size: 5 }],
    })
    this.documents.set(digestOf(config), config)
    this.documents.set(digestOf(manifest), manifest)
    this.tags.set(tag, digestOf(manifest))
  }
}

describe('prebuilds in a registry', () => {
  let registry: FakeRegistry
  let home: string
  let repository: string
  let store: RegistryPrebuilds
  beforeEach(async () => {
    registry = new FakeRegistry()
    await new Promise<void>((resolve) => registry.server.listen(0, '127.0.0.1', resolve))
    home = mkdtempSync(`${tmpdir()}/berth-registry-store-`)
    repository = `127.0.0.1:${(registry.server.address() as AddressInfo).port}/team/app`
    const platform = createNodePlatform({ version: '0', resources: home, env: { HOME: home } })
    store = new RegistryPrebuilds(platform, repository)
  })
  afterEach(async () => {
    registry.server.closeAllConnections()
    await new Promise((resolve) => registry.server.close(resolve))
    rmSync(home, { recursive: true, force: true })
  })
  const publish = (record: PrebuildRecord, tag = prebuildTag(record)) =>
    registry.add(tag, JSON.stringify(record))

  it('are none where there is no such repository', async () => {
    expect(await store.list(never)).toEqual([])
    expect(await store.remove('0123456789ab', never)).toBe(false)
  })

  it('are read from their labels, page by page, and are only what their tags say', async () => {
    registry.page = 2
    const records = [recordOf({ madeAt: 1 }), recordOf({ madeAt: 2 }), recordOf({ id: 'ffffffffffff' })]
    for (const record of records) publish(record)
    publish(recordOf(), 'latest')
    // Built from one by somebody, or cut short.
    publish(recordOf({ madeAt: 1 }), prebuildTag(recordOf({ madeAt: 7 })))
    registry.add(prebuildTag(recordOf({ madeAt: 8 })), '{"version":1')
    const found = await store.list(never)
    expect(found.map(({ record }) => record)).toEqual(expect.arrayContaining(records))
    expect(found.length).toBe(3)
    const [first] = records
    const one = found.find(({ record }) => record.madeAt === 1)
    expect(one).toMatchObject({ size: 12, isPulled: true, record: first })
    expect(one?.reference).toBe(`${repository}:${prebuildTag(first ?? recordOf())}`)
    expect(one?.imageId).toMatch(new RegExp(`^${repository}@sha256:[0-9a-f]{64}$`))
  })

  it('of one repository are the newest alone, and others are not looked at', async () => {
    publish(recordOf({ madeAt: 1 }))
    publish(recordOf({ madeAt: 2 }))
    publish(recordOf({ url: 'https://example.com/other' }))
    const found = await store.list(never, url)
    expect(found.map(({ record }) => record.madeAt)).toEqual([2])
    expect(registry.asked.filter((path) => path.includes('/manifests/')).length).toBe(1)
  })

  it('tell what an image is now, or nothing where nobody says', async () => {
    publish(recordOf(), 'base')
    expect(await store.imageId(`${repository}:base`, never)).toBe(registry.tags.get('base'))
    expect(await store.imageId(`${repository}:gone`, never)).toBeUndefined()
    expect(await store.imageId('127.0.0.1:1/nobody/here', never)).toBeUndefined()
  })

  it('are removed one by one or all, and where the registry does not let it, it is said where', async () => {
    const [old, young] = [recordOf({ madeAt: 1 }), recordOf({ madeAt: 2 })]
    publish(old)
    publish(young)
    expect(await store.remove(old.id, never, `${repository}:${prebuildTag(old)}`)).toBe(true)
    expect([...registry.tags.keys()]).toEqual([prebuildTag(young)])
    registry.deletes = false
    await expect(store.remove(old.id, never)).rejects.toMatchObject({
      problem: { code: 'unsupported', remedy: expect.stringContaining(prebuildTag(young)) },
    })
    registry.deletes = true
    expect(await store.remove(old.id, never)).toBe(true)
    expect(await store.list(never)).toEqual([])
  })
})
