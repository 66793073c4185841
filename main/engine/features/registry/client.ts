import { createHash } from 'node:crypto'
import { type ProblemError, problem } from '#contract'
import { type FeatureReference, isLoopback } from '../../definitions/index'
import type { RegistryCredentials } from '../../platform/docker-logins'
import { answerChallenge, parseChallenge, registryAuth } from './authorization'
import { type BoundedResponse, boundedFetch, type FetchOptions } from './bounded-fetch'

export type RegistryReference = Extract<FeatureReference, { kind: 'registry' }>

/** Where logins come from: the user's own ones for Docker, say. */
export interface Logins {
  of(registry: string): Promise<RegistryCredentials | undefined>
}

/** A Feature's manifest (containers.dev, "OCI registry"). */
export interface FeatureManifest {
  /** `sha256:…` of the manifest itself. */
  readonly digest: string
  /** Of the one layer. */
  readonly layer: string
  /** The text of its devcontainer-feature.json, where the publisher put it here. */
  readonly metadata?: string
}

const maximumManifest = 1024 * 1024
/** A Feature is scripts: what is larger is none, or an attack. */
export const maximumArchive = 32 * 1024 * 1024
const manifestType = 'application/vnd.oci.image.manifest.v1+json'
const digestForm = /^sha256:[0-9a-f]{64}$/

/** Reads Features from registries by the OCI distribution API, over one token for each repository. */
export class RegistryClient {
  readonly #options: FetchOptions
  readonly #logins: Logins
  readonly #authorization = new Map<string, string>()

  constructor(options: FetchOptions, logins: Logins) {
    this.#options = options
    this.#logins = logins
  }

  /** Rejects with `feature-not-found`, `feature-invalid`, `registry-auth`, `registry-unreachable` or `cancelled`. */
  async manifest(reference: RegistryReference): Promise<FeatureManifest> {
    const version = reference.digest ?? reference.tag ?? 'latest'
    const response = await this.get(reference, `manifests/${version}`, manifestType, maximumManifest)
    const digest = sha256(response.body)
    const header = response.headers.get('docker-content-digest')
    // A registry may count by another algorithm; what is asked for by digest is compared in any case.
    const told = reference.digest ?? (header?.startsWith('sha256:') ? header : digest)
    if (told !== digest) throw wrongDigest(`The manifest of ${nameOf(reference)}`, told, digest)
    return { digest, ...readManifest(response.body, reference) }
  }

  /** The bytes of a layer, which are those that its digest says. Rejects as {@link manifest} does. */
  async layer(reference: RegistryReference, digest: string): Promise<Uint8Array> {
    const { body } = await this.get(reference, `blobs/${digest}`, '*/*', maximumArchive)
    const found = sha256(body)
    if (found !== digest) throw wrongDigest(nameOf(reference), digest, found)
    return body
  }

  /**
   * Asks a repository for something below its name, such as `manifests/…`. Any status is an answer, but that of a
   * registry which lets nobody in without a login. Rejects with `registry-auth`, `registry-unreachable` or `cancelled`.
   */
  async ask(
    reference: RegistryReference,
    {
      method = 'GET',
      path,
      accept = '*/*',
      limit,
    }: {
      readonly method?: 'GET' | 'HEAD' | 'DELETE'
      readonly path: string
      readonly accept?: string
      /** The most bytes that the answer may have. */
      readonly limit: number
    },
  ): Promise<BoundedResponse> {
    const { registry, namespace, id, resource } = reference
    const url = urlOf(reference, path)
    const request = (authorization: string | undefined) =>
      boundedFetch(
        url,
        {
          method,
          headers: { accept, ...(authorization === undefined ? {} : { authorization }) },
          limit,
          what: nameOf(reference),
        },
        this.#options,
      )
    const response = await request(this.#authorization.get(resource))
    if (response.status !== 401) return response
    const login = await this.#logins.of(registry)
    const challenge = parseChallenge(response.headers.get('www-authenticate'))
    const rights = method === 'DELETE' ? 'pull,delete' : 'pull'
    const scope = `repository:${repositoryOf({ namespace, id })}:${rights}`
    const authorization =
      challenge && (await answerChallenge(challenge, registry, scope, login, this.#options))
    if (authorization === undefined)
      throw registryAuth(registry, login !== undefined, `${method} ${url}: status 401`)
    this.#authorization.set(resource, authorization)
    return request(authorization)
  }

  /**
   * What a repository has at `path`, `manifests/…` or `blobs/…`, of at most `limit` bytes. Rejects as {@link manifest}
   * does; what comes is not compared with any digest.
   */
  async get(
    reference: RegistryReference,
    path: string,
    accept: string,
    limit: number,
  ): Promise<BoundedResponse> {
    const { registry } = reference
    const response = await this.ask(reference, { path, accept, limit })
    const url = urlOf(reference, path)
    if (response.status === 200) return response
    const detail = `GET ${url}: status ${response.status}`
    if (response.status === 401 || response.status === 403) {
      throw registryAuth(registry, (await this.#logins.of(registry)) !== undefined, detail)
    }
    if (response.status === 404) {
      throw problem({
        code: 'feature-not-found',
        title: `There is no Feature ${nameOf(reference)}`,
        cause: `${registry} does not have it, or not in this version.`,
        remedy: 'Check its name and version, and that it is published.',
        detail,
      })
    }
    throw problem({
      code: 'registry-unreachable',
      title: `${nameOf(reference)} could not be fetched`,
      cause:
        response.status === 429
          ? `${registry} has had too many requests from here.`
          : `${registry} answered with status ${response.status}.`,
      remedy: 'Try again in a while.',
      detail,
    })
  }
}

function urlOf({ registry, namespace, id }: RegistryReference, path: string): string {
  return `${baseOf(registry)}/v2/${repositoryOf({ namespace, id })}/${path}`
}

/** A repository may have a name of one part. */
function repositoryOf({ namespace, id }: Pick<RegistryReference, 'namespace' | 'id'>): string {
  return namespace === '' ? id : `${namespace}/${id}`
}

function baseOf(registry: string): string {
  // Docker Hub's API has another host than its name.
  if (registry === 'docker.io' || registry === 'index.docker.io') return 'https://registry-1.docker.io'
  const { hostname } = new URL(`https://${registry}`)
  return `${isLoopback(hostname) ? 'http' : 'https'}://${registry}`
}

function readManifest(body: Uint8Array, reference: RegistryReference): Omit<FeatureManifest, 'digest'> {
  let manifest: unknown
  try {
    manifest = JSON.parse(Buffer.from(body).toString('utf8'))
  } catch {
    throw notAFeature(reference, 'Its manifest is not JSON.')
  }
  const { layers, annotations } = (manifest ?? {}) as { layers?: unknown; annotations?: unknown }
  if (!Array.isArray(layers) || layers.length !== 1) {
    throw notAFeature(reference, 'Its manifest does not have exactly one layer, so it is an image, say.')
  }
  const { digest } = (layers[0] ?? {}) as { digest?: unknown }
  if (typeof digest !== 'string' || !digestForm.test(digest)) {
    throw notAFeature(reference, 'Its layer has no SHA-256 digest.')
  }
  const metadata =
    typeof annotations === 'object' && annotations !== null
      ? (annotations as Record<string, unknown>)['dev.containers.metadata']
      : undefined
  return { layer: digest, ...(typeof metadata === 'string' ? { metadata } : {}) }
}

function notAFeature(reference: RegistryReference, cause: string): ProblemError {
  return problem({
    code: 'feature-invalid',
    title: `${nameOf(reference)} is no Feature`,
    cause,
    remedy: 'Check the reference, or tell whoever publishes it.',
  })
}

/** As a person would write it. */
export function nameOf({ resource, tag, digest }: RegistryReference): string {
  return digest ? `${resource}@${digest}` : `${resource}:${tag ?? 'latest'}`
}

export function sha256(bytes: Uint8Array): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`
}

/** The Problem of bytes that are not those that were meant. */
export function wrongDigest(what: string, wanted: string, found: string): ProblemError {
  return problem({
    code: 'feature-invalid',
    title: `${what} did not arrive as it was published`,
    cause: `Its digest is ${found}, and it should be ${wanted}.`,
    remedy: 'Try again. If that does not help, something between here and the registry changes it.',
  })
}
