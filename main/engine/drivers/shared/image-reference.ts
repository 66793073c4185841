/** An image's name taken apart, as the registry's API and the credentials file want it. */
export interface ImageReference {
  /** With the registry, without tag and digest, as a person writes it: `debian`, `ghcr.io/a/b`. */
  readonly name: string
  /** A tag, or a digest such as `sha256:…`. */
  readonly version: string
  /** `docker.io` for names without a registry. */
  readonly registry: string
}

/** Reads `[registry/]name[:tag][@digest]` (distribution's reference grammar); a missing tag is `latest`. */
export function parseReference(text: string): ImageReference {
  const [beforeDigest = '', digest] = text.split('@', 2)
  const colon = beforeDigest.lastIndexOf(':')
  const hasTag = colon > beforeDigest.lastIndexOf('/')
  const name = hasTag ? beforeDigest.slice(0, colon) : beforeDigest
  const tag = hasTag ? beforeDigest.slice(colon + 1) : 'latest'
  const first = name.split('/', 1)[0] ?? ''
  // A first part is a registry when it looks like a host; docker.io is meant otherwise.
  const isRegistry = name.includes('/') && (/[.:]/.test(first) || first === 'localhost')
  return { name, version: digest ?? tag, registry: isRegistry ? first : 'docker.io' }
}
