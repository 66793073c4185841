import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { gzipSync } from 'node:zlib'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { FeatureRequest } from '#contract'
import { memoryReader } from '../definitions/memory-reader.test-helper'
import { readLock } from './lock'
import { type ResolveContext, resolveFeatures } from './resolve'
import { digestOf, featureTar, TestRegistry, tarOf } from './test-registry.suite'

let registry: TestRegistry
beforeEach(async () => {
  registry = await TestRegistry.start()
})
afterEach(() => registry.stop())

const request = (reference: string, options: FeatureRequest['options'] = {}): FeatureRequest => ({
  reference,
  options,
})
const at = (path: string, options?: FeatureRequest['options']) => request(`${registry.host}/${path}`, options)

const resolve = (requests: readonly FeatureRequest[], context: Partial<ResolveContext> = {}) =>
  resolveFeatures(requests, { signal: new AbortController().signal, patience: 5000, ...context })

const failure = (work: Promise<unknown>) =>
  work.then(
    () => expect.unreachable('it succeeded'),
    (error) => error.problem,
  )

describe('resolveFeatures', () => {
  it('fetches Features of a registry with their options, in either kind of archive', async () => {
    await registry.publish('n/go', {
      options: { version: { type: 'string', default: 'latest' }, lint: { type: 'boolean', default: true } },
    })
    await registry.publish('n/node', {}, { gzip: true, annotate: false })
    const told: string[] = []
    const { features, notApplied } = await resolve([at('n/node'), at('n/go', { version: '1.22' })], {
      report: { detail: (text) => void told.push(text) },
    })
    expect(features.map(({ metadata }) => metadata.id)).toEqual(['go', 'node'])
    expect(features[0]?.options).toEqual({ version: '1.22', lint: 'true' })
    expect(features[0]?.name).toBe(`${registry.host}/n/go:latest`)
    expect([...(features[0]?.files.keys() ?? [])].sort()).toEqual(['devcontainer-feature.json', 'install.sh'])
    expect(notApplied).toEqual([])
    expect(told).toContain(`Fetching the Feature ${registry.host}/n/go`)
  })

  it('fetches what Features depend on, over several steps, and the same one once', async () => {
    await registry.publish('n/d', {})
    await registry.publish('n/c', { dependsOn: { [`${registry.host}/n/d`]: {} } })
    await registry.publish('n/b', {
      dependsOn: { [`${registry.host}/n/d`]: {}, [`${registry.host}/n/c`]: {} },
    })
    await registry.publish('n/a', { dependsOn: { [`${registry.host}/n/b`]: { x: true } } })
    const { features } = await resolve([at('n/a')])
    expect(features.map(({ metadata }) => metadata.id)).toEqual(['d', 'c', 'b', 'a'])
    expect(features[2]?.options).toEqual({ x: 'true' })
    expect(registry.requests.filter(({ url }) => url.includes('/n/d/manifests'))).toHaveLength(1)
  })

  it('fetches nothing of a Feature that may not be used, also where another one needs it', async () => {
    await registry.publish('n/d', {})
    await registry.publish('n/a', { dependsOn: { [`${registry.host}/n/d`]: {} } })
    const asked: unknown[] = []
    const allow: ResolveContext['allow'] = (reference, neededBy) => {
      asked.push([reference, neededBy])
      if (reference.endsWith('/d')) throw new Error('refused')
    }
    await expect(resolve([at('n/a')], { allow })).rejects.toThrow('refused')
    expect(asked).toEqual([
      [`${registry.host}/n/a`, undefined],
      [`${registry.host}/n/d`, `${registry.host}/n/a`],
    ])
    expect(registry.requests.filter(({ url }) => url.includes('/n/d/'))).toEqual([])
  })

  it('takes two versions of one manifest for the same Feature, and other options for another', async () => {
    await registry.publish('n/a', {}, { tags: ['1', 'latest'] })
    const same = await resolve([at('n/a:1'), at('n/a:latest')])
    expect(same.features).toHaveLength(1)
    await registry.publish('n/b', { dependsOn: { [`${registry.host}/n/a:1`]: { version: '2' } } })
    const { features } = await resolve([at('n/a:1'), at('n/b')])
    expect(features.map(({ metadata, options }) => [metadata.id, options])).toEqual([
      ['a', {}],
      ['a', { version: '2' }],
      ['b', {}],
    ])
  })

  it('orders by the hints of Features, also under a former name, and by the wish of the definition', async () => {
    await registry.publish('n/zulu', {})
    await registry.publish('n/new', { legacyIds: ['zulu'] })
    await registry.publish('n/a', { installsAfter: [`${registry.host}/n/new`, 'other.test/n/none', 'utils'] })
    const { features, notApplied } = await resolve([at('n/a'), at('n/zulu')])
    expect(features.map(({ metadata }) => metadata.id)).toEqual(['zulu', 'a'])
    expect(notApplied.map(({ reason }) => reason)).toEqual(["utils is no Feature's name with its registry"])
    await registry.publish('n/b', {})
    const wished = await resolve([at('n/b'), at('n/zulu')], { order: [`${registry.host}/n/zulu`] })
    expect(wished.features.map(({ metadata }) => metadata.id)).toEqual(['zulu', 'b'])
  })

  it('orders what Features depend on by the wish of the definition too, and names what nothing asks for', async () => {
    await registry.publish('n/b', {})
    await registry.publish('n/zulu', {})
    await registry.publish('n/all', {
      dependsOn: { [`${registry.host}/n/b`]: {}, [`${registry.host}/n/zulu`]: {} },
    })
    const order = [`${registry.host}/n/zulu`, `${registry.host}/n/alt`]
    const { features, notApplied } = await resolve([at('n/all')], { order })
    expect(features.map(({ metadata }) => metadata.id)).toEqual(['zulu', 'b', 'all'])
    expect(notApplied).toEqual([
      {
        field: `overrideFeatureInstallOrder (${registry.host}/n/alt)`,
        reason: `no Feature of this name is installed; did you mean "${registry.host}/n/all"?`,
      },
    ])
  })

  it('does without a hint that nobody can explain', async () => {
    await registry.publish('n/b', {})
    await registry.publish('n/a', { installsAfter: [`${registry.host}/n/gone`] })
    const { features } = await resolve([at('n/a'), at('n/b')])
    expect(features.map(({ metadata }) => metadata.id)).toEqual(['a', 'b'])
  })

  it('names a circle', async () => {
    await registry.publish('n/a', { dependsOn: { [`${registry.host}/n/b`]: {} } })
    await registry.publish('n/b', { dependsOn: { [`${registry.host}/n/a`]: {} } })
    expect(await failure(resolve([at('n/a')]))).toMatchObject({
      code: 'feature-invalid',
      title: 'Features wait for each other',
      cause: expect.stringContaining(`${registry.host}/n/b`),
    })
  })

  it('ends with a Feature that depends on a new one each time', async () => {
    let count = 0
    registry.intercept = ({ url = '' }, response) => {
      if (!url.includes('/manifests/')) return false
      count += 1
      const id = `f${count}`
      void featureTar({ id, dependsOn: { [`${registry.host}/n/f${count + 1}`]: {} } }).then((tar) => {
        registry.publishLayer(`n/${id}`, tar, ['latest'])
        response.end(JSON.stringify({ layers: [{ digest: digestOf(tar) }] }))
      })
      return true
    }
    expect(await failure(resolve([at('n/f1')]))).toMatchObject({ title: 'There are too many Features' })
    expect(count).toBeLessThan(250)
  })

  it('does not even ask for what is too much', async () => {
    const many = Array.from({ length: 201 }, (_, index) => [`${registry.host}/n/f${index}`, {}])
    await registry.publish('n/a', { dependsOn: Object.fromEntries(many) })
    expect(await failure(resolve([at('n/a')]))).toMatchObject({ title: 'There are too many Features' })
    expect(registry.requests).toHaveLength(2)
  })

  it('reads Features of the repository, and those that they depend on', async () => {
    const json = (id: string, more: object = {}) =>
      JSON.stringify({ id, version: '1.0.0', name: id, ...more })
    const reader = memoryReader({
      '.devcontainer/tools/devcontainer-feature.json': json('tools', { dependsOn: { './base': {} } }),
      '.devcontainer/tools/install.sh': '#!/bin/sh\n',
      '.devcontainer/tools/lib/deep/file.txt': 'deep',
      '.devcontainer/base/devcontainer-feature.json': json('base'),
      '.devcontainer/base/install.sh': '#!/bin/sh\n',
    })
    const { features } = await resolve([request('./.devcontainer/tools')], {
      reader,
      folder: '.devcontainer',
    })
    expect(features.map(({ reference }) => reference)).toEqual([
      './.devcontainer/base',
      './.devcontainer/tools',
    ])
    expect([...(features[1]?.files.keys() ?? [])].sort()).toEqual([
      'devcontainer-feature.json',
      'install.sh',
      'lib/deep/file.txt',
    ])
    expect(await failure(resolve([request('./nothing')], { reader }))).toMatchObject({
      code: 'feature-not-found',
      cause: 'The repository has no nothing/devcontainer-feature.json.',
    })
  })

  it('heeds installsAfter of a folder, which is relative to the definition', async () => {
    const json = (id: string, more: object = {}) =>
      JSON.stringify({ id, version: '1.0.0', name: id, ...more })
    const reader = memoryReader({
      '.devcontainer/a/devcontainer-feature.json': json('a', { installsAfter: ['./b', '../../out'] }),
      '.devcontainer/a/install.sh': '',
      '.devcontainer/b/devcontainer-feature.json': json('b'),
      '.devcontainer/b/install.sh': '',
    })
    const { features } = await resolve([request('./.devcontainer/a'), request('./.devcontainer/b')], {
      reader,
      folder: '.devcontainer',
    })
    expect(features.map(({ name }) => name)).toEqual(['./.devcontainer/b', './.devcontainer/a'])
  })

  it('does not let a published Feature name a folder, nor any Feature what is outside', async () => {
    await registry.publish('n/a', { dependsOn: { './secrets': {} } })
    expect(await failure(resolve([at('n/a')]))).toMatchObject({
      code: 'feature-invalid',
      cause: expect.stringMatching(/only a Feature of the repository/),
    })
    const reader = memoryReader({
      'a/devcontainer-feature.json': '{"id": "a", "dependsOn": {"../../etc": {}}}',
      'a/install.sh': '',
    })
    expect(await failure(resolve([request('./a')], { reader }))).toMatchObject({
      code: 'feature-invalid',
      cause: expect.stringMatching(/outside of the repository/),
    })
  })

  it('shows the place of a mistake in a Feature', async () => {
    const layer = await tarOf({ 'devcontainer-feature.json': '{\n  "id": 5\n}', 'install.sh': '' })
    registry.publishLayer('n/a', layer, ['latest'])
    expect(await failure(resolve([at('n/a')]))).toMatchObject({
      code: 'definition-invalid',
      title: `devcontainer-feature.json of ${registry.host}/n/a:latest has a mistake in line 2`,
      cause: 'Line 2, column 9: "id" must be a string, not the number 5.',
    })
  })

  it('refuses an archive without a script, or without a description', async () => {
    registry.publishLayer('n/a', await tarOf({ 'devcontainer-feature.json': '{"id": "a"}' }), ['latest'])
    registry.publishLayer('n/b', await tarOf({ 'install.sh': '' }), ['latest'])
    expect(await failure(resolve([at('n/a')]))).toMatchObject({ cause: 'It has no install.sh.' })
    expect(await failure(resolve([at('n/b')]))).toMatchObject({
      cause: 'It has no devcontainer-feature.json.',
    })
  })

  it('fetches tarballs by their address', async () => {
    const archive = gzipSync(await featureTar({ id: 'direct' }))
    const server = createServer(({ url }, response) => {
      if (url === '/f.tgz') response.end(archive)
      else response.writeHead(404).end()
    })
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
    try {
      const host = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
      const { features } = await resolve([request(`${host}/f.tgz`)])
      expect(features[0]).toMatchObject({ digest: digestOf(archive), metadata: { id: 'direct' } })
      expect(await failure(resolve([request(`${host}/none.tgz`)]))).toMatchObject({
        code: 'feature-not-found',
      })
      const lock = {
        path: 'devcontainer-lock.json',
        features: new Map([
          [
            `${host}/f.tgz`,
            { version: '1', resolved: `${host}/f.tgz`, integrity: `sha256:${'0'.repeat(64)}` },
          ],
        ]),
      }
      expect(await failure(resolve([request(`${host}/f.tgz`)], { lock }))).toMatchObject({
        code: 'feature-invalid',
        title: expect.stringMatching(/is not the one that devcontainer-lock\.json names/),
      })
    } finally {
      await new Promise((done) => server.close(done))
    }
  })

  it('takes what the lock file names, whatever the tag says by now', async () => {
    const old = await registry.publish('n/a', { version: '1.0.0' }, { tags: ['1'] })
    await registry.publish('n/a', { version: '1.1.0' }, { tags: ['1'] })
    const lockOf = async (integrity: string) =>
      readLock(
        memoryReader({
          '.devcontainer/devcontainer-lock.json': JSON.stringify({
            features: {
              [`${registry.host}/n/a:1`]: {
                version: '1.0.0',
                resolved: `${registry.host}/n/a@${old.digest}`,
                integrity,
              },
            },
          }),
        }),
        '.devcontainer/devcontainer.json',
      )
    const newest = await resolve([at('n/a:1')])
    expect(newest.features[0]?.metadata.version).toBe('1.1.0')
    const lock = await lockOf(old.digest)
    const locked = await resolve([at('n/a:1')], lock ? { lock } : {})
    expect(locked.features[0]?.metadata.version).toBe('1.0.0')
    const wrong = await lockOf(`sha256:${'0'.repeat(64)}`)
    expect(await failure(resolve([at('n/a:1')], wrong ? { lock: wrong } : {}))).toMatchObject({
      code: 'feature-invalid',
      title: expect.stringMatching(/is not the one that \.devcontainer\/devcontainer-lock\.json names/),
    })
  })

  it('fetches from a mirror, and keeps the name', async () => {
    const { digest } = await registry.publish('mirror/n/a', {}, { tags: ['1'] })
    const alias = (reference: string) =>
      reference.startsWith('ghcr.io/') ? reference.replace('ghcr.io', `${registry.host}/mirror`) : undefined
    const { features } = await resolve([request('ghcr.io/n/a:1')], { alias })
    expect(features[0]).toMatchObject({ reference: 'ghcr.io/n/a:1', name: 'ghcr.io/n/a:1', digest })
    expect(await failure(resolve([request('ghcr.io/n/a:1')], { alias: () => 'debian' }))).toMatchObject({
      code: 'feature-not-found',
      cause: expect.stringMatching(/alias is debian/),
    })
  })

  it('checks the values of options, and passes on what it does not know', async () => {
    await registry.publish('n/a', {
      options: {
        version: { type: 'string', enum: ['latest', '18'], default: 'latest' },
        lint: { type: 'boolean', default: false },
      },
    })
    expect(await failure(resolve([at('n/a', { version: 'lates' })]))).toMatchObject({
      code: 'definition-invalid',
      cause: 'Its option "version" must be one of latest, 18, not "lates".',
      remedy: 'Did you mean "latest"?',
    })
    expect(await failure(resolve([at('n/a', { lint: 'yes' })]))).toMatchObject({ code: 'definition-invalid' })
    const { features, notApplied } = await resolve([at('n/a', { lint: 'true', vesion: '18' })])
    expect(features[0]?.options).toEqual({ version: 'latest', lint: 'true', vesion: '18' })
    expect(notApplied[0]?.reason).toMatch(/did you mean "version"/)
    const kept = await resolve([at('n/a', { version: '${localEnv:V}' })])
    expect(kept.features[0]?.options.version).toBe('${localEnv:V}')
  })

  it('is cancelled, and leaves no request behind', async () => {
    registry.intercept = () => true
    const stop = new AbortController()
    const asked = failure(resolve([at('n/a'), at('n/b')], { signal: stop.signal }))
    setTimeout(() => stop.abort(), 50)
    expect(await asked).toMatchObject({ code: 'cancelled' })
  })
})
