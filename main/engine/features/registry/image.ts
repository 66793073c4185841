import { type ProblemError, problem } from '#contract'
import { normalise } from '../../platform/image-aliases'
import { registryAuth } from './authorization'
import { nameOf, type RegistryClient, type RegistryReference, sha256, wrongDigest } from './client'

const types = {
  index: [
    'application/vnd.oci.image.index.v1+json',
    'application/vnd.docker.distribution.manifest.list.v2+json',
  ],
  image: [
    'application/vnd.oci.image.manifest.v1+json',
    'application/vnd.docker.distribution.manifest.v2+json',
  ],
}
const accept = [...types.index, ...types.image].join(', ')
const maximumManifest = 4 * 1024 * 1024
/** The history of an image is in it, and one label alone may have half a megabyte. */
const maximumConfig = 8 * 1024 * 1024
const maximumList = 4 * 1024 * 1024
/** How many names of images one answer may have, and how many answers are read. */
const page = { size: 1000, most: 100 }
const digestForm = /^sha256:[0-9a-f]{64}$/

/** What a registry tells of an image without its layers. */
export interface RegistryImage {
  /** `sha256:…` of what its name leads to: an image's manifest, or a list of several. */
  readonly digest: string
  /** What its containers are made with, as it is written there. */
  readonly config: Readonly<Record<string, unknown>>
  /** Of the same. */
  readonly labels: Readonly<Record<string, string>>
  /** Bytes of its layers as they are stored, compressed. */
  readonly size: number
}

/**
 * Reads what a registry says of an image (OCI image specification, "Image manifest" and "Image configuration"). Of
 * several for different processors it is the first for Linux: they are made of the same files, and have the same labels.
 * Rejects with the Problems of {@link RegistryClient.get}, and `registry-unreachable` for what is no image.
 */
export async function readImage(image: string, client: RegistryClient): Promise<RegistryImage> {
  const reference = registryReference(image)
  const read = async (version: string) => {
    const { body } = await client.get(reference, `manifests/${version}`, accept, maximumManifest)
    return { manifest: parse(body, image), digest: sha256(body) }
  }
  const first = await read(reference.digest ?? reference.tag ?? 'latest')
  let { manifest } = first
  if (Array.isArray(manifest.manifests)) {
    const digest = choose(manifest.manifests)
    if (digest === undefined) return { digest: first.digest, config: {}, labels: {}, size: 0 }
    ;({ manifest } = await read(digest))
  }
  const digest = digestOf(manifest.config)
  if (digest === undefined) throw unreadable(image, 'Its manifest names no configuration.')
  const { body } = await client.get(reference, `blobs/${digest}`, '*/*', maximumConfig)
  const found = sha256(body)
  if (found !== digest) throw wrongDigest(`The configuration of ${image}`, digest, found)
  const { config: written } = parse(body, image)
  const config = isRecord(written) ? written : {}
  const labels = isRecord(config.Labels) ? Object.entries(config.Labels) : []
  const layers = Array.isArray(manifest.layers) ? manifest.layers : []
  return {
    digest: first.digest,
    config,
    labels: Object.fromEntries(
      labels.filter((label): label is [string, string] => typeof label[1] === 'string'),
    ),
    size: layers.reduce((sum: number, layer: unknown) => sum + sizeOf(layer), 0),
  }
}

/**
 * The digest that an image's name leads to now; undefined where its registry has none of this name, or does not say.
 * Nothing is fetched, which registries count. Rejects with the Problems of {@link RegistryClient.ask}.
 */
export async function imageDigest(image: string, client: RegistryClient): Promise<string | undefined> {
  const reference = registryReference(image)
  if (reference.digest !== undefined) return reference.digest
  const path = `manifests/${reference.tag ?? 'latest'}`
  const { status, headers } = await client.ask(reference, { method: 'HEAD', path, accept, limit: 0 })
  const digest = headers.get('docker-content-digest') ?? ''
  return status === 200 && digestForm.test(digest) ? digest : undefined
}

/**
 * The tags of a repository (OCI distribution specification, "Listing tags"); none where there is no such repository.
 * Rejects with `registry-auth` or `registry-unreachable`.
 */
export async function listTags(repository: string, client: RegistryClient): Promise<string[]> {
  const reference = registryReference(repository)
  const tags: string[] = []
  let last: string | undefined
  for (let count = 0; count < page.most; count++) {
    const from = last === undefined ? '' : `&last=${encodeURIComponent(last)}`
    const path = `tags/list?n=${page.size}${from}`
    const { status, headers, body } = await client.ask(reference, { path, limit: maximumList })
    if (status === 404) return tags
    if (status !== 200) throw refusal(reference, status, `GET ${path}: status ${status}`)
    const { tags: found } = parse(body, repository)
    if (Array.isArray(found)) for (const tag of found) if (typeof tag === 'string') tags.push(tag)
    const next = nextOf(headers.get('link'))
    // A registry that goes round in a circle is not followed.
    if (next === undefined || next === last) return tags
    last = next
  }
  return tags
}

/** What came of it when something was to be deleted in a registry. */
export type Deletion = 'deleted' | 'absent' | 'refused'

/**
 * Deletes an image by its digest, and so every tag that it has (OCI distribution specification, "Deleting manifests").
 * `refused`: the registry deletes nothing that way. Rejects with `registry-auth` or `registry-unreachable`.
 */
export async function deleteImage(
  repository: string,
  digest: string,
  client: RegistryClient,
): Promise<Deletion> {
  const reference = registryReference(`${repository}@${digest}`)
  const path = `manifests/${digest}`
  const { status } = await client.ask(reference, { method: 'DELETE', path, limit: maximumManifest })
  if (status === 202 || status === 200 || status === 204) return 'deleted'
  if (status === 404) return 'absent'
  // "405: the registry may refuse", and some say that they have not made it.
  if (status === 400 || status === 405 || status === 501) return 'refused'
  throw refusal(reference, status, `DELETE ${path}: status ${status}`)
}

/** An image's name, short as people write it, as the registry's API has it. */
export function registryReference(image: string): RegistryReference {
  const { name, tag = 'latest', digest } = normalise(image)
  const [registry = '', ...path] = name.split('/')
  return {
    kind: 'registry',
    registry,
    namespace: path.slice(0, -1).join('/'),
    id: path.at(-1) ?? '',
    resource: name,
    ...(digest === undefined ? { tag } : { digest }),
  }
}

/** Where the next answer begins (RFC 8288): of the address that is named, its `last` alone is taken. */
function nextOf(link: string | null): string | undefined {
  const target = /<([^<>]{1,4000})>\s*;\s*rel="?next"?/i.exec((link ?? '').slice(0, 8000))?.[1]
  if (target === undefined || !URL.canParse(target, 'https://registry.invalid')) return undefined
  return new URL(target, 'https://registry.invalid').searchParams.get('last') ?? undefined
}

function refusal(reference: RegistryReference, status: number, detail: string): ProblemError {
  const { registry, resource } = reference
  if (status === 401 || status === 403) return registryAuth(registry, true, detail)
  return problem({
    code: 'registry-unreachable',
    title: `${resource} could not be asked`,
    cause:
      status === 429
        ? `${registry} has had too many requests from here.`
        : `${registry} answered with status ${status}.`,
    remedy: 'Try again in a while.',
    detail: `${nameOf(reference)}: ${detail}`,
  })
}

/** One that runs on Linux. */
function choose(manifests: readonly unknown[]): string | undefined {
  const all = manifests
    .filter(isRecord)
    .filter(({ platform }) => isRecord(platform) && platform.os === 'linux')
  return digestOf(all[0])
}

function digestOf(descriptor: unknown): string | undefined {
  if (!isRecord(descriptor)) return undefined
  const { digest } = descriptor
  return typeof digest === 'string' && digestForm.test(digest) ? digest : undefined
}

function sizeOf(descriptor: unknown): number {
  const size = isRecord(descriptor) ? descriptor.size : 0
  return typeof size === 'number' && Number.isSafeInteger(size) && size > 0 ? size : 0
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function parse(body: Uint8Array, image: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(Buffer.from(body).toString('utf8'))
    if (isRecord(value)) return value
  } catch {
    // Said below.
  }
  throw unreadable(image, 'Its registry answered with something that is not JSON.')
}

function unreadable(image: string, cause: string): ProblemError {
  return problem({
    code: 'registry-unreachable',
    title: `What ${image} says of itself could not be read`,
    cause,
    remedy: 'Check that the image is published as it should be.',
  })
}
