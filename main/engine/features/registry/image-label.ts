import { problem } from '#contract'
import { DockerLogins } from '../../platform/docker-logins'
import { normalise } from '../../platform/image-aliases'
import type { Platform } from '../../platform/platform'
import { metadataLabel } from '../image-metadata'
import type { Fetch } from './bounded-fetch'
import { RegistryClient, type RegistryReference, sha256, wrongDigest } from './client'

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
const maximumManifest = 4 * 1024 * 1024
/** The history of an image is in it, and the label alone may have half a megabyte. */
const maximumConfig = 8 * 1024 * 1024
/** Milliseconds: it is asked beside other work, and nobody is to wait for a registry that does not answer. */
const patience = 5_000

/**
 * The label `devcontainer.metadata` of an image, as its registry has it (OCI image specification, "Image
 * configuration"), for targets that show no labels; undefined where it has none. Asks with the user's own logins.
 * Rejects with the Problems of {@link RegistryClient}.
 */
export async function readImageLabel(
  image: string,
  platform: Platform,
  signal: AbortSignal,
  fetch: Fetch = globalThis.fetch,
): Promise<string | undefined> {
  const config = await readConfig(image, platform, signal, fetch)
  const labels = isRecord(config?.Labels) ? config.Labels : {}
  const label = Object.hasOwn(labels, metadataLabel) ? labels[metadataLabel] : undefined
  return typeof label === 'string' ? label : undefined
}

/** What an image runs where nothing else is said, as {@link readImageLabel} finds it. Rejects as that. */
export async function readImageCommand(
  image: string,
  platform: Platform,
  signal: AbortSignal,
  fetch: Fetch = globalThis.fetch,
): Promise<{ readonly entrypoint: readonly string[]; readonly command: readonly string[] }> {
  const config = await readConfig(image, platform, signal, fetch)
  const words = (value: unknown) =>
    Array.isArray(value) ? value.filter((word): word is string => typeof word === 'string') : []
  return { entrypoint: words(config?.Entrypoint), command: words(config?.Cmd) }
}

/** The configuration that an image's containers are made with; undefined where it has none. */
async function readConfig(
  image: string,
  platform: Platform,
  signal: AbortSignal,
  fetch: Fetch,
): Promise<Readonly<Record<string, unknown>> | undefined> {
  const client = new RegistryClient({ fetch, signal, patience }, new DockerLogins(platform))
  const reference = repositoryOf(image)
  const accept = [...types.index, ...types.image].join(', ')
  const read = async (version: string) => {
    const { body } = await client.get(reference, `manifests/${version}`, accept, maximumManifest)
    return parse(body, image)
  }
  let manifest = await read(reference.digest ?? reference.tag ?? 'latest')
  if (Array.isArray(manifest.manifests)) {
    const digest = choose(manifest.manifests)
    if (digest === undefined) return undefined
    manifest = await read(digest)
  }
  const digest = digestOf(manifest.config)
  if (digest === undefined) throw unreadable(image, 'Its manifest names no configuration.')
  const { body } = await client.get(reference, `blobs/${digest}`, '*/*', maximumConfig)
  const found = sha256(body)
  if (found !== digest) throw wrongDigest(`The configuration of ${image}`, digest, found)
  const { config } = parse(body, image)
  return isRecord(config) ? config : undefined
}

/** An image's name, short as people write it, as the registry's API has it. */
function repositoryOf(image: string): RegistryReference {
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

/** One that runs on Linux: those of other processors are made of the same files, and have the same labels. */
function choose(manifests: readonly unknown[]): string | undefined {
  const all = manifests
    .filter(isRecord)
    .filter(({ platform }) => isRecord(platform) && platform.os === 'linux')
  return digestOf(all[0])
}

function digestOf(descriptor: unknown): string | undefined {
  if (!isRecord(descriptor)) return undefined
  const { digest } = descriptor
  return typeof digest === 'string' && /^sha256:[0-9a-f]{64}$/.test(digest) ? digest : undefined
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

function unreadable(image: string, cause: string) {
  return problem({
    code: 'registry-unreachable',
    title: `What ${image} says of itself could not be read`,
    cause,
    remedy: 'Check that the image is published as it should be.',
  })
}
