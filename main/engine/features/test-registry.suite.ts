import { createHash } from 'node:crypto'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { gzipSync } from 'node:zlib'
import { type Headers, pack } from 'tar-stream'

/** An entry of a test's archive: a text is a file. */
export type TestEntry = string | (Partial<Headers> & { readonly content?: string })

/** A tar archive as a publisher would make it, or would not. */
export async function tarOf(entries: Readonly<Record<string, TestEntry>>): Promise<Buffer> {
  const archive = pack()
  for (const [name, entry] of Object.entries(entries)) {
    if (typeof entry === 'string') archive.entry({ name }, entry)
    else {
      const { content, ...header } = entry
      archive.entry({ name, ...header }, content ?? '')
    }
  }
  archive.finalize()
  const chunks: Buffer[] = []
  for await (const chunk of archive) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks)
}

/** The archive of a Feature whose script does nothing. */
export function featureTar(
  metadata: object,
  more: Readonly<Record<string, TestEntry>> = {},
): Promise<Buffer> {
  return tarOf({
    './devcontainer-feature.json': JSON.stringify({ version: '1.0.0', name: 'Test', ...metadata }),
    './install.sh': '#!/bin/sh\n',
    ...more,
  })
}

export const digestOf = (bytes: Uint8Array) => `sha256:${createHash('sha256').update(bytes).digest('hex')}`

export interface Published {
  /** Of the manifest. */
  readonly digest: string
  readonly layer: string
}

/** A registry on this machine that speaks the OCI distribution API, as far as pulling goes. */
export class TestRegistry {
  /** What a client must show: nothing, a token (which is given to `login`, or to all), or `login` itself. */
  access: 'open' | 'token' | 'basic' = 'open'
  login: { readonly username: string; readonly password: string } | undefined
  /** Takes a request over in place of the registry; true where it did. */
  intercept: ((request: IncomingMessage, response: ServerResponse) => boolean) | undefined
  readonly requests: { readonly method: string; readonly url: string; readonly authorization?: string }[] = []
  readonly #server: Server
  readonly #manifests = new Map<string, Buffer>()
  readonly #blobs = new Map<string, Buffer>()

  private constructor() {
    this.#server = createServer((request, response) => this.#answer(request, response))
  }

  static async start(): Promise<TestRegistry> {
    const registry = new TestRegistry()
    await new Promise<void>((resolve) => registry.#server.listen(0, '127.0.0.1', resolve))
    return registry
  }

  get host(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((resolve) => this.#server.close(resolve))
  }

  /** Publishes a Feature under `path:tag` for each tag. */
  async publish(
    path: string,
    metadata: object,
    options: { readonly tags?: readonly string[]; readonly annotate?: boolean; readonly gzip?: boolean } = {},
  ): Promise<Published> {
    const tar = await featureTar({ id: path.split('/').at(-1), ...metadata })
    const layer = options.gzip ? gzipSync(tar) : tar
    const whole = { version: '1.0.0', name: 'Test', id: path.split('/').at(-1), ...metadata }
    return this.publishLayer(
      path,
      layer,
      options.tags ?? ['latest'],
      options.annotate === false ? undefined : whole,
    )
  }

  publishLayer(path: string, layer: Buffer, tags: readonly string[], metadata?: object): Published {
    const manifest = {
      schemaVersion: 2,
      mediaType: 'application/vnd.oci.image.manifest.v1+json',
      config: { mediaType: 'application/vnd.devcontainers', digest: digestOf(Buffer.from('{}')), size: 2 },
      layers: [
        {
          mediaType: 'application/vnd.devcontainers.layer.v1+tar',
          digest: digestOf(layer),
          size: layer.length,
        },
      ],
      ...(metadata ? { annotations: { 'dev.containers.metadata': JSON.stringify(metadata) } } : {}),
    }
    this.#blobs.set(digestOf(layer), layer)
    return {
      digest: this.publishManifest(path, Buffer.from(JSON.stringify(manifest)), tags),
      layer: digestOf(layer),
    }
  }

  publishManifest(path: string, manifest: Buffer, tags: readonly string[]): string {
    for (const version of [...tags, digestOf(manifest)]) this.#manifests.set(`${path}:${version}`, manifest)
    return digestOf(manifest)
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const { method = '', url = '', headers } = request
    const { authorization } = headers
    this.requests.push({ method, url, ...(authorization === undefined ? {} : { authorization }) })
    if (this.intercept?.(request, response)) return
    if (url.startsWith('/token')) {
      this.#giveToken(request, response)
      return
    }
    if (!this.#lets(authorization)) {
      const challenge =
        this.access === 'basic'
          ? 'Basic realm="test"'
          : `Bearer realm="http://${this.host}/token",service="test",scope="repository:a/b:pull"`
      response.writeHead(401, { 'www-authenticate': challenge }).end()
      return
    }
    const [, path, kind, version = ''] = /^\/v2\/(.+)\/(manifests|blobs)\/([^/]+)$/.exec(url) ?? []
    const found = kind === 'blobs' ? this.#blobs.get(version) : this.#manifests.get(`${path}:${version}`)
    if (!found) response.writeHead(404).end('{"errors":[{"code":"MANIFEST_UNKNOWN"}]}')
    else {
      response
        .writeHead(200, { 'content-length': found.length, 'docker-content-digest': digestOf(found) })
        .end(found)
    }
  }

  #basic(): string | undefined {
    return (
      this.login && `Basic ${Buffer.from(`${this.login.username}:${this.login.password}`).toString('base64')}`
    )
  }

  #lets(authorization: string | undefined): boolean {
    if (this.access === 'open') return true
    return authorization === (this.access === 'basic' ? this.#basic() : 'Bearer a-token')
  }

  #giveToken(request: IncomingMessage, response: ServerResponse): void {
    if (request.method === 'POST') {
      let body = ''
      request.on('data', (chunk) => {
        body += chunk
      })
      request.on('end', () => {
        const isKnown = new URLSearchParams(body).get('refresh_token') === 'identity'
        response.writeHead(isKnown ? 200 : 401).end(isKnown ? '{"access_token":"a-token"}' : '{}')
      })
      return
    }
    const wanted = this.#basic()
    const isKnown = wanted === undefined || request.headers.authorization === wanted
    response.writeHead(isKnown ? 200 : 401).end(isKnown ? '{"token":"a-token"}' : '{}')
  }
}
