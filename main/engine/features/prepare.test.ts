import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { readDefinition } from '../definitions/index'
import { memoryReader, testContext } from '../definitions/memory-reader.test-helper'
import { createNodePlatform } from '../platform/node'
import { mergeMetadata, parseMetadataLabel, prepareFeatures, writeFeatureContext } from './index'
import { TestRegistry } from './test-registry.suite'

let home: string
let registry: TestRegistry
beforeEach(async () => {
  home = mkdtempSync(join(tmpdir(), 'berth-prepare-'))
  registry = await TestRegistry.start()
})
afterEach(async () => {
  await registry.stop()
  rmSync(home, { recursive: true, force: true })
})

describe('Features of a definition', () => {
  it('go from the file to a build and to what runs in the workspace', async () => {
    registry.access = 'token'
    registry.login = { username: 'ann', password: 'secret' }
    mkdirSync(join(home, '.docker'))
    const auth = Buffer.from('ann:secret').toString('base64')
    writeFileSync(join(home, '.docker/config.json'), JSON.stringify({ auths: { [registry.host]: { auth } } }))
    const old = await registry.publish(
      'n/go',
      { version: '1.0.0', postCreateCommand: 'echo go' },
      { tags: ['1'] },
    )
    await registry.publish('n/go', { version: '1.1.0' }, { tags: ['1'] })
    await registry.publish('n/utils', {
      privileged: true,
      customizations: { vscode: { extensions: ['a.b'] } },
    })
    const name = `${registry.host}/n/go:1`
    const reader = memoryReader({
      '.devcontainer/devcontainer.json': JSON.stringify({
        image: 'base:1',
        features: { [name]: 'latest', './tools': {}, [`${registry.host}/n/utils`]: {} },
        overrideFeatureInstallOrder: [`${registry.host}/n/utils`],
        postCreateCommand: 'echo mine',
      }),
      '.devcontainer/devcontainer-lock.json': JSON.stringify({
        features: {
          [name]: {
            version: '1.0.0',
            resolved: `${registry.host}/n/go@${old.digest}`,
            integrity: old.digest,
          },
        },
      }),
      '.devcontainer/tools/devcontainer-feature.json': '{"id": "tools", "version": "1.0.0", "name": "Tools"}',
      '.devcontainer/tools/install.sh': '#!/bin/sh\n',
    })
    const platform = createNodePlatform({ version: '0.0.0', resources: home, env: { HOME: home } })
    const { signal } = new AbortController()
    const { definition } = await readDefinition(reader, testContext)
    const { features } = await prepareFeatures(definition, { platform, reader, signal })
    expect(features.map(({ metadata }) => `${metadata.id} ${metadata.version}`)).toEqual([
      'utils 1.0.0',
      'tools 1.0.0',
      'go 1.0.0',
    ])
    const folder = join(home, 'context')
    const base = parseMetadataLabel('{"remoteUser": "vscode"}', 'base:1').entries
    const build = await writeFeatureContext(features, folder, { user: '', metadata: base })
    expect(readFileSync(join(folder, build.dockerfile), 'utf8').match(/^COPY \S+/gm)).toEqual([
      'COPY 01-utils/',
      'COPY 02-tools/',
      'COPY 03-go/',
    ])
    const merged = mergeMetadata(definition, build.metadata, testContext)
    expect(merged).toMatchObject({
      remoteUser: 'vscode',
      lifecycle: { postCreateCommand: 'echo mine' },
      contributedLifecycle: [{ origin: name, lifecycle: { postCreateCommand: 'echo go' } }],
      customizations: { vscode: { extensions: ['a.b'] } },
      container: { rights: [{ kind: 'privileged', value: '', origin: `${registry.host}/n/utils` }] },
      notApplied: [],
    })
  })

  it('come from where the settings have a mirror', async () => {
    await registry.publish('mirror/n/go', {}, { tags: ['1'] })
    const platform = createNodePlatform({ version: '0.0.0', resources: home, env: { HOME: home } })
    await platform.settings.change({ imageAliases: { 'mirrored.test/': `${registry.host}/mirror/` } })
    const { signal } = new AbortController()
    const reader = memoryReader({
      '.devcontainer.json': '{"image": "x", "features": {"mirrored.test/n/go:1": {}}}',
    })
    const { definition } = await readDefinition(reader, testContext)
    const { features } = await prepareFeatures(definition, { platform, reader, signal })
    expect(features.map(({ name }) => name)).toEqual(['mirrored.test/n/go:1'])
  })

  it('are none where none are asked for: nothing is read or fetched', async () => {
    const platform = createNodePlatform({ version: '0.0.0', resources: home, env: { HOME: home } })
    const { signal } = new AbortController()
    const { definition } = await readDefinition(memoryReader({}), testContext)
    expect(await prepareFeatures(definition, { platform, signal })).toEqual({ features: [], notApplied: [] })
  })
})
