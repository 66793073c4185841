import { posix } from 'node:path'
import { cancelled, type ProblemError, problem } from '#contract'
import {
  type FeatureReference,
  maximumBytes,
  parseFeatureReference,
  type RepositoryReader,
} from '../definitions/index'
import { archiveLimits, type FeatureFiles, unpack } from './archive'
import type { FeatureLock, LockedFeature } from './lock'
import { type FeatureMetadata, metadataFile, readMetadata } from './metadata'
import { boundedFetch, type FetchOptions } from './registry/bounded-fetch'
import {
  type Logins,
  maximumArchive,
  nameOf,
  RegistryClient,
  type RegistryReference,
  sha256,
  wrongDigest,
} from './registry/client'

/** A Feature with all that it consists of. */
export interface LoadedFeature {
  readonly parsed: FeatureReference
  /** `sha256:…` of the manifest or the tarball; absent for folders. */
  readonly digest?: string
  readonly metadata: FeatureMetadata
  readonly files: FeatureFiles
}

export interface LoaderOptions extends FetchOptions {
  readonly logins: Logins
  /** Absent where there is no repository, and so no folder of one. */
  readonly reader?: RepositoryReader
  readonly lock?: FeatureLock
  /** Where a Feature of a registry is fetched instead, by its whole reference: a mirror, say. */
  readonly alias?: (reference: string) => string | undefined
}

const maximumDepth = 16

/** Fetches Features, each reference once. */
export class FeatureLoader {
  readonly #options: LoaderOptions
  readonly #client: RegistryClient
  readonly #loaded = new Map<string, Promise<LoadedFeature>>()
  readonly #ids = new Map<string, Promise<readonly string[]>>()

  constructor(options: LoaderOptions) {
    this.#options = options
    this.#client = new RegistryClient(options, options.logins)
  }

  /**
   * Rejects with `feature-not-found`, `feature-invalid`, `definition-invalid` (a mistake in its file),
   * `registry-auth`, `registry-unreachable` or `cancelled`.
   */
  load(reference: string, parsed: FeatureReference): Promise<LoadedFeature> {
    const known = this.#loaded.get(reference)
    if (known) return known
    const loading = this.#load(reference, parsed)
    this.#loaded.set(reference, loading)
    return loading
  }

  /** The ids that a Feature has or had, without fetching more of it than its publisher makes necessary. */
  ids(parsed: RegistryReference): Promise<readonly string[]> {
    const known = this.#ids.get(parsed.resource)
    if (known) return known
    const asking = this.#askIds(parsed)
    this.#ids.set(parsed.resource, asking)
    return asking
  }

  async #askIds(parsed: RegistryReference): Promise<readonly string[]> {
    const { metadata } = await this.#client.manifest(this.#place(parsed))
    if (metadata !== undefined) return readMetadata(Buffer.from(metadata), nameOf(parsed)).ids
    return (await this.load(nameOf(parsed), parsed)).metadata.ids
  }

  #load(reference: string, parsed: FeatureReference): Promise<LoadedFeature> {
    const locked = this.#options.lock?.features.get(reference.toLowerCase())
    switch (parsed.kind) {
      case 'registry':
        return this.#loadFromRegistry(parsed, locked)
      case 'tarball':
        return this.#loadTarball(parsed, locked)
      default:
        return this.#loadFolder(parsed)
    }
  }

  async #loadFromRegistry(
    parsed: RegistryReference,
    locked: LockedFeature | undefined,
  ): Promise<LoadedFeature> {
    const lockedDigest = locked?.resolved.split('@')[1]
    if (parsed.digest !== undefined && lockedDigest !== undefined && lockedDigest !== parsed.digest) {
      throw this.#unlike(nameOf(parsed), lockedDigest, parsed.digest)
    }
    const pinned = this.#place(lockedDigest === undefined ? parsed : { ...parsed, digest: lockedDigest })
    const manifest = await this.#client.manifest(pinned)
    if (locked && locked.integrity !== manifest.digest) {
      throw this.#unlike(nameOf(parsed), locked.integrity, manifest.digest)
    }
    const layer = await this.#client.layer(pinned, manifest.layer)
    const files = await unpack(layer, `The Feature ${nameOf(parsed)}`, this.#options.signal)
    return { parsed, digest: manifest.digest, files, metadata: readFiles(files, nameOf(parsed)) }
  }

  /** Where a Feature is fetched; everything else goes by its own name. */
  #place(parsed: RegistryReference): RegistryReference {
    const other = this.#options.alias?.(nameOf(parsed))
    if (other === undefined) return parsed
    const place = parseFeatureReference(other)
    if (!('wanted' in place) && place.kind === 'registry') return place
    throw problem({
      code: 'feature-not-found',
      title: `${nameOf(parsed)} cannot be fetched from another place`,
      cause: `Its alias is ${other}, which is not the reference of a Feature.`,
      remedy: 'Correct the alias in the settings.',
    })
  }

  async #loadTarball(
    parsed: Extract<FeatureReference, { kind: 'tarball' }>,
    locked: LockedFeature | undefined,
  ): Promise<LoadedFeature> {
    const what = `The Feature ${withoutQuery(parsed.url)}`
    const address = locked?.resolved ?? parsed.url
    const { status, body } = await boundedFetch(address, { limit: maximumArchive, what }, this.#options)
    if (status !== 200) {
      const { host } = new URL(address)
      throw problem({
        code: status === 404 || status === 410 ? 'feature-not-found' : 'registry-unreachable',
        title: `${what} could not be fetched`,
        cause: `${host} answered with status ${status}.`,
        remedy: 'Check the address, and that it can be read without a login.',
      })
    }
    const digest = sha256(body)
    if (locked && locked.integrity !== digest) throw this.#unlike(what, locked.integrity, digest)
    const files = await unpack(body, what, this.#options.signal)
    return { parsed, digest, files, metadata: readFiles(files, withoutQuery(parsed.url)) }
  }

  async #loadFolder(parsed: Extract<FeatureReference, { kind: 'folder' }>): Promise<LoadedFeature> {
    const { reader, signal } = this.#options
    const path = posix.normalize(parsed.path)
    if (!reader || !(await reader.exists(posix.join(path, metadataFile)))) {
      throw problem({
        code: 'feature-not-found',
        title: `There is no Feature in ${parsed.path}`,
        cause: reader
          ? `The repository has no ${posix.join(path, metadataFile)}.`
          : 'It is a folder of the repository, and there is none.',
        remedy: 'Check the path, which is relative to the folder of the definition.',
      })
    }
    const files = new Map<string, Uint8Array>()
    let total = 0
    let seen = 0
    const collect = async (folder: string, inside: string, depth: number): Promise<void> => {
      for (const name of await reader.list(folder)) {
        if (signal.aborted) throw cancelled('Reading a Feature')
        seen += 1
        const place = inside === '' ? name : `${inside}/${name}`
        const bytes = await reader.read(`${folder}/${name}`, archiveLimits.bytes)
        if (bytes) {
          total += bytes.length
          files.set(place, bytes)
        } else if (depth < maximumDepth) await collect(`${folder}/${name}`, place, depth + 1)
        // Folders are no files, and links make many of few.
        if (
          seen > 2 * archiveLimits.files ||
          files.size > archiveLimits.files ||
          total > archiveLimits.bytes
        ) {
          throw invalid(
            `The Feature ${parsed.path} is too large`,
            `It has more than ${archiveLimits.files} files or ${archiveLimits.bytes} bytes.`,
          )
        }
      }
    }
    await collect(path, '', 0)
    return { parsed, files, metadata: readFiles(files, parsed.path) }
  }

  #unlike(what: string, wanted: string, found: string): ProblemError {
    const { problem: known } = wrongDigest(what, wanted, found)
    const lock = this.#options.lock?.path ?? 'The lock file'
    return problem({
      ...known,
      title: `${what} is not the one that ${lock} names`,
      remedy: `If it was published anew on purpose, delete its entry from ${lock}; otherwise do not use it.`,
    })
  }
}

function readFiles(files: FeatureFiles, reference: string): FeatureMetadata {
  const bytes = files.get(metadataFile)
  const missing = bytes ? 'install.sh' : metadataFile
  if (!bytes || !files.has('install.sh')) {
    throw invalid(`The Feature ${reference} is not whole`, `It has no ${missing}.`)
  }
  if (bytes.length > maximumBytes) {
    throw invalid(
      `The Feature ${reference} cannot be read`,
      `Its ${metadataFile} is longer than ${maximumBytes} bytes.`,
    )
  }
  return readMetadata(bytes, reference)
}

/** Addresses may have a key behind the question mark. */
function withoutQuery(url: string): string {
  return url.replace(/[?#].*$/s, '')
}

function invalid(title: string, cause: string): ProblemError {
  return problem({
    code: 'feature-invalid',
    title,
    cause,
    remedy: 'Take another version of it, or tell whoever publishes it.',
  })
}
