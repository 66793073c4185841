import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { parseFeatureReference } from '../../definitions/index'
import { TestRegistry } from '../test-registry.suite'
import { parseChallenge } from './authorization'
import { type Logins, RegistryClient, type RegistryReference } from './client'

let registry: TestRegistry
beforeEach(async () => {
  registry = await TestRegistry.start()
})
afterEach(() => registry.stop())

function reference(text: string): RegistryReference {
  const parsed = parseFeatureReference(`${registry.host}/${text}`)
  if ('wanted' in parsed || parsed.kind !== 'registry') throw new Error(`${text} is no reference`)
  return parsed
}

function client(
  login?: Awaited<ReturnType<Logins['of']>>,
  signal = new AbortController().signal,
  patience = 5000,
) {
  return new RegistryClient({ fetch: globalThis.fetch, signal, patience }, { of: async () => login })
}

const failure = (work: Promise<unknown>) =>
  work.then(
    () => expect.unreachable('it succeeded'),
    (error) => error.problem,
  )

describe('RegistryClient', () => {
  it('reads a manifest and its layer, by tag and by digest', async () => {
    const { digest, layer } = await registry.publish('a/b/go', {}, { tags: ['1', 'latest'] })
    const manifest = await client().manifest(reference('a/b/go:1'))
    expect(manifest).toMatchObject({ digest, layer })
    expect(JSON.parse(manifest.metadata ?? '')).toMatchObject({ id: 'go' })
    expect((await client().manifest(reference(`a/b/go@${digest}`))).digest).toBe(digest)
    expect((await client().layer(reference('a/b/go'), layer)).length).toBeGreaterThan(1000)
  })

  it('asks for a token without a login where it has none, once for a repository', async () => {
    const { layer } = await registry.publish('a/b/go', {})
    registry.access = 'token'
    const one = client()
    await one.manifest(reference('a/b/go'))
    await one.layer(reference('a/b/go'), layer)
    const tokens = registry.requests.filter(({ url }) => url.startsWith('/token'))
    expect(tokens).toEqual([{ method: 'GET', url: '/token?service=test&scope=repository%3Aa%2Fb%3Apull' }])
  })

  it('logs in with a password, with an identity token, and with Basic', async () => {
    await registry.publish('a/b/go', {})
    registry.login = { username: 'ann', password: 'secret' }
    const login = { username: 'ann', password: 'secret', serveraddress: registry.host }
    registry.access = 'token'
    await client(login).manifest(reference('a/b/go'))
    await client({ identitytoken: 'identity', serveraddress: registry.host }).manifest(reference('a/b/go'))
    registry.access = 'basic'
    await client(login).manifest(reference('a/b/go'))
  })

  it('says that a login is missing, or is not taken, and never what it is', async () => {
    await registry.publish('a/b/go', {})
    registry.login = { username: 'ann', password: 'secret' }
    for (const access of ['token', 'basic'] as const) {
      registry.access = access
      const missing = await failure(client().manifest(reference('a/b/go')))
      expect(missing).toMatchObject({ code: 'registry-auth', cause: expect.stringMatching(/has no login/) })
      const wrong = { username: 'ann', password: 'hunter2', serveraddress: registry.host }
      const refused = await failure(client(wrong).manifest(reference('a/b/go')))
      expect(refused).toMatchObject({ code: 'registry-auth', cause: expect.stringMatching(/does not take/) })
      expect(JSON.stringify(refused)).not.toMatch(/hunter2/)
    }
  })

  it('sends no credentials to a token server that is not https', async () => {
    registry.intercept = (_request, response) => {
      response.writeHead(401, { 'www-authenticate': 'Bearer realm="http://tokens.test/token"' }).end()
      return true
    }
    const login = { username: 'ann', password: 'secret', serveraddress: registry.host }
    expect(await failure(client(login).manifest(reference('a/b/go')))).toMatchObject({
      code: 'registry-auth',
    })
  })

  it('names a Feature that is not there', async () => {
    expect(await failure(client().manifest(reference('a/b/go:9')))).toMatchObject({
      code: 'feature-not-found',
      title: `There is no Feature ${registry.host}/a/b/go:9`,
    })
  })

  it('refuses a manifest and a layer that are not those of their digest', async () => {
    const { digest, layer } = await registry.publish('a/b/go', {})
    registry.intercept = (_request, response) => {
      response.writeHead(200).end('{"layers": []}')
      return true
    }
    expect(await failure(client().manifest(reference(`a/b/go@${digest}`)))).toMatchObject({
      code: 'feature-invalid',
      cause: expect.stringContaining(digest),
    })
    expect(await failure(client().layer(reference('a/b/go'), layer))).toMatchObject({
      code: 'feature-invalid',
      cause: expect.stringContaining(layer),
    })
  })

  it('refuses what is an image, or no manifest at all', async () => {
    const empty = { digest: `sha256:${'0'.repeat(64)}` }
    registry.publishManifest('a/b/image', Buffer.from(JSON.stringify({ layers: [empty, empty] })), ['latest'])
    registry.publishManifest('a/b/text', Buffer.from('<html>'), ['latest'])
    registry.publishManifest('a/b/odd', Buffer.from('{"layers": [{"digest": "../../etc"}]}'), ['latest'])
    for (const name of ['image', 'text', 'odd']) {
      expect(await failure(client().manifest(reference(`a/b/${name}`)))).toMatchObject({
        code: 'feature-invalid',
        title: `${registry.host}/a/b/${name}:latest is no Feature`,
      })
    }
  })

  it('gives up a layer that breaks off', async () => {
    registry.intercept = (_request, response) => {
      response.writeHead(200, { 'content-length': 1000 })
      response.write('a little', () => response.destroy())
      return true
    }
    expect(await failure(client().layer(reference('a/b/go'), `sha256:${'0'.repeat(64)}`))).toMatchObject({
      code: 'registry-unreachable',
    })
  })

  it('gives up a server that is silent, at once and in mid-answer', async () => {
    const silent = client(undefined, undefined, 100)
    registry.intercept = () => true
    expect(await failure(silent.manifest(reference('a/b/go')))).toMatchObject({
      code: 'registry-unreachable',
      cause: expect.stringMatching(/was silent/),
    })
    registry.intercept = (_request, response) => {
      response.writeHead(200)
      response.write('{')
      return true
    }
    expect(await failure(silent.manifest(reference('a/b/go')))).toMatchObject({
      cause: expect.stringMatching(/was silent/),
    })
  })

  it('takes no more than a manifest may have, however long it is said to be', async () => {
    let sent = 0
    registry.intercept = (_request, response) => {
      response.writeHead(200)
      const block = Buffer.alloc(256 * 1024)
      const more = () => {
        if (response.destroyed) return
        sent += block.length
        response.write(block, more)
      }
      more()
      return true
    }
    expect(await failure(client().manifest(reference('a/b/go')))).toMatchObject({
      code: 'feature-invalid',
      title: expect.stringMatching(/is too large/),
    })
    expect(sent).toBeLessThan(64 * 1024 * 1024)
  })

  it('is cancelled', async () => {
    registry.intercept = () => true
    const stop = new AbortController()
    const asked = failure(client(undefined, stop.signal).manifest(reference('a/b/go')))
    setTimeout(() => stop.abort(), 50)
    expect(await asked).toMatchObject({ code: 'cancelled' })
  })

  it('says why a server cannot be reached', async () => {
    const there = reference('a/b/go')
    await registry.stop()
    expect(await failure(client().manifest(there))).toMatchObject({
      code: 'registry-unreachable',
      cause: expect.stringMatching(/ECONNREFUSED/),
    })
    registry = await TestRegistry.start()
  })

  it('follows a layer to another server, and takes no credentials along', async () => {
    const { layer } = await registry.publish('a/b/go', {})
    registry.access = 'basic'
    registry.login = { username: 'ann', password: 'secret' }
    const seen: (string | undefined)[] = []
    let bytes = Buffer.alloc(0)
    const storage = createServer((request, response) => {
      seen.push(request.headers.authorization)
      response.end(bytes)
    })
    await new Promise<void>((resolve) => storage.listen(0, '127.0.0.1', resolve))
    try {
      const login = { username: 'ann', password: 'secret', serveraddress: registry.host }
      bytes = Buffer.from(await client(login).layer(reference('a/b/go'), layer))
      registry.intercept = ({ url, headers }, response) => {
        if (!url?.includes('/blobs/') || !headers.authorization) return false
        const { port } = storage.address() as AddressInfo
        response.writeHead(307, { location: `http://127.0.0.1:${port}/blob` }).end()
        return true
      }
      expect(await client(login).layer(reference('a/b/go'), layer)).toEqual(bytes)
      expect(seen).toEqual([undefined])
    } finally {
      await new Promise((resolve) => storage.close(resolve))
    }
  })

  it('does not let a registry elsewhere ask servers of this machine', async () => {
    registry.intercept = ({ url }, response) => {
      if (url?.includes('/manifests/'))
        response.writeHead(302, { location: `http://${registry.host}/v2/` }).end()
      else response.end('secret')
      return true
    }
    // The name leads to this machine, as it would in a network that redirects it.
    const fetch: typeof globalThis.fetch = (input, init) =>
      globalThis.fetch(String(input).replace('https://elsewhere.test', `http://${registry.host}`), init)
    const { signal } = new AbortController()
    const elsewhere = new RegistryClient({ fetch, signal, patience: 5000 }, { of: async () => undefined })
    const there = { ...reference('a/b/go'), registry: 'elsewhere.test' }
    expect(await failure(elsewhere.manifest(there))).toMatchObject({ code: 'registry-unreachable' })
    expect(registry.requests).toHaveLength(1)
  })

  it('follows neither a circle nor a way to an unencrypted place', async () => {
    for (const location of ['/again', 'http://elsewhere.test/', 'file:///etc/passwd', 'http://[']) {
      registry.intercept = (_request, response) => {
        response.writeHead(302, { location }).end()
        return true
      }
      registry.requests.length = 0
      expect(await failure(client().manifest(reference('a/b/go')))).toMatchObject({
        code: 'registry-unreachable',
      })
      expect(registry.requests.length).toBeLessThan(10)
    }
  })
})

describe('parseChallenge', () => {
  it('takes Bearer before Basic, and knows what it does not know', () => {
    expect(parseChallenge('Basic realm="x", Bearer realm="https://t.test/a,b",service=s')).toEqual({
      scheme: 'bearer',
      parameters: { realm: 'https://t.test/a,b', service: 's' },
    })
    expect(parseChallenge('Basic realm="x"')).toMatchObject({ scheme: 'basic' })
    expect(parseChallenge('Negotiate abc')).toBeUndefined()
    expect(parseChallenge(null)).toBeUndefined()
    expect(parseChallenge(`Bearer ${'a="'.repeat(100_000)}`)).toMatchObject({ scheme: 'bearer' })
  })
})
