import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createNodePlatform } from '../../platform/node'
import { digestOf, TestRegistry } from '../test-registry.suite'
import { readImageLabel } from './image-label'

let registry: TestRegistry
let home: string
beforeEach(async () => {
  registry = await TestRegistry.start()
  home = mkdtempSync(`${tmpdir()}/berth-image-label-`)
})
afterEach(async () => {
  await registry.stop()
  rmSync(home, { recursive: true, force: true })
})

const read = (image: string) =>
  readImageLabel(
    image,
    createNodePlatform({ version: '0', resources: home, env: { HOME: home } }),
    new AbortController().signal,
  )
/** Answers for the paths below `/v2/` with these documents, and says which were asked for. */
function serve(documents: Readonly<Record<string, object | string>>): string[] {
  const asked: string[] = []
  registry.intercept = (request, response) => {
    const path = (request.url ?? '').replace('/v2/', '')
    asked.push(path)
    const document = documents[path]
    if (document === undefined) return false
    response.end(typeof document === 'string' ? document : JSON.stringify(document))
    return true
  }
  return asked
}
const config = { config: { Labels: { 'devcontainer.metadata': '[{"remoteUser":"dev"}]' } } }
const digest = digestOf(Buffer.from(JSON.stringify(config)))

describe('readImageLabel', () => {
  it('reads the label of an image, and of one of several architectures', async () => {
    serve({
      'n/plain/manifests/latest': { config: { digest } },
      'n/plain/manifests/2': {
        manifests: [
          { digest: digestOf(Buffer.from('other')), platform: { os: 'windows' } },
          { digest: digestOf(Buffer.from('mine')), platform: { os: 'linux', architecture: 'arm64' } },
        ],
      },
      [`n/plain/manifests/${digestOf(Buffer.from('mine'))}`]: { config: { digest } },
      [`n/plain/blobs/${digest}`]: config,
    })
    expect(await read(`${registry.host}/n/plain`)).toBe('[{"remoteUser":"dev"}]')
    expect(await read(`${registry.host}/n/plain:2`)).toBe('[{"remoteUser":"dev"}]')
  })

  it('finds none where there is none', async () => {
    const bare = { config: {} }
    const bareDigest = digestOf(Buffer.from(JSON.stringify(bare)))
    serve({
      'n/bare/manifests/latest': { config: { digest: bareDigest } },
      [`n/bare/blobs/${bareDigest}`]: bare,
      'n/windows/manifests/latest': { manifests: [{ digest, platform: { os: 'windows' } }] },
    })
    expect(await read(`${registry.host}/n/bare`)).toBeUndefined()
    expect(await read(`${registry.host}/n/windows`)).toBeUndefined()
  })

  it.each([
    ['is not what its digest says', { config: { digest: digestOf(Buffer.from('x')) } }, 'feature-invalid'],
    ['is no JSON', '<html>', 'registry-unreachable'],
    ['names no configuration', { config: { digest: 'md5:1' } }, 'registry-unreachable'],
  ])('rejects what %s', async (_, manifest, code) => {
    serve({
      'n/a/manifests/latest': manifest,
      [`n/a/blobs/${digestOf(Buffer.from('x'))}`]: config,
    })
    await expect(read(`${registry.host}/n/a`)).rejects.toMatchObject({ problem: { code } })
  })

  it('says where there is no such image', async () => {
    await expect(read(`${registry.host}/n/none`)).rejects.toMatchObject({
      problem: { code: 'feature-not-found' },
    })
  })
})
