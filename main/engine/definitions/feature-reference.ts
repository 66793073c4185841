/** Where a Feature comes from (containers.dev, "Referencing a Feature"). */
export type FeatureReference =
  | {
      readonly kind: 'registry'
      /** A host with its port, in lower case. */
      readonly registry: string
      /** Path on the registry without the id: `devcontainers/features`. */
      readonly namespace: string
      readonly id: string
      /** `registry/namespace/id`: which Feature it is, in whatever version. */
      readonly resource: string
      /** Absent where a digest says which version is meant. */
      readonly tag?: string
      /** `sha256:…` of the manifest. */
      readonly digest?: string
    }
  | { readonly kind: 'tarball'; readonly url: string }
  /** A folder, as a path that begins with `./` or `../`. */
  | { readonly kind: 'folder'; readonly path: string }

/** Why a text is no reference, as what follows "must be", and what to write instead. */
export interface ReferenceMistake {
  readonly wanted: string
  readonly remedy: string
}

const maximumLength = 500
const host = /^(?:localhost|[a-z0-9-]+(?:\.[a-z0-9-]+)+|[a-z0-9-]+(?=:))(?::\d{1,5})?$/
const segment = /^[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*$/
const tagForm = /^\w[\w.-]{0,127}$/
const digestForm = /^sha256:[0-9a-f]{64}$/

const example = 'Write, for example, "ghcr.io/devcontainers/features/node:1".'

/** Takes a Feature's reference apart. Registry references are not case-sensitive. */
export function parseFeatureReference(text: string): FeatureReference | ReferenceMistake {
  if (text.length > maximumLength) {
    return { wanted: `a reference of at most ${maximumLength} characters`, remedy: example }
  }
  if (/^\.{1,2}\//.test(text)) return { kind: 'folder', path: text }
  if (/^https?:\/\//i.test(text)) return parseAddress(text)
  return parseRegistryReference(text)
}

function parseAddress(text: string): FeatureReference | ReferenceMistake {
  const wanted = 'the https:// address of a .tgz file'
  const remedy = 'Write, for example, "https://example.com/devcontainer-feature-go.tgz".'
  if (!URL.canParse(text)) return { wanted, remedy }
  const url = new URL(text)
  if (url.protocol !== 'https:' && !isLoopback(url.hostname)) return { wanted, remedy }
  if (!/\.(?:tgz|tar\.gz)$/i.test(url.pathname)) return { wanted, remedy }
  if (url.username !== '' || url.password !== '') {
    return { wanted: 'an address without a name or password in it', remedy }
  }
  return { kind: 'tarball', url: text }
}

function parseRegistryReference(text: string): FeatureReference | ReferenceMistake {
  const [beforeDigest = '', ...digests] = text.split('@')
  const colon = beforeDigest.lastIndexOf(':')
  const hasTag = colon > beforeDigest.lastIndexOf('/')
  const parts = (hasTag ? beforeDigest.slice(0, colon) : beforeDigest).toLowerCase().split('/')
  const [registry = '', ...path] = parts
  const id = path.at(-1) ?? ''
  if (parts.length === 1 || !host.test(registry)) {
    const owner =
      parts.length === 1 ? `owner/repository/${segment.test(registry) ? registry : 'name'}` : parts.join('/')
    return {
      wanted: 'a Feature with the registry that it comes from',
      remedy: `Write where it is published, for example "ghcr.io/${owner}:1".`,
    }
  }
  if (path.length < 2 || !path.every((part) => segment.test(part))) {
    return { wanted: 'a reference of the form registry/owner/repository/name:version', remedy: example }
  }
  const digest = digests[0]
  if (digests.length > 1 || (digest !== undefined && !digestForm.test(digest))) {
    return {
      wanted: 'a reference whose digest is "sha256:" and 64 hexadecimal digits',
      remedy: example,
    }
  }
  const tag = hasTag ? beforeDigest.slice(colon + 1) : undefined
  if (tag !== undefined && !tagForm.test(tag)) {
    return {
      wanted: 'a reference whose version has letters, digits, ".", "_" and "-" only',
      remedy: example,
    }
  }
  return {
    kind: 'registry',
    registry,
    namespace: path.slice(0, -1).join('/'),
    id,
    resource: parts.join('/'),
    ...(digest === undefined ? { tag: tag ?? 'latest' } : { digest }),
  }
}

/** Whether a host is this machine, to which nothing needs to be encrypted. Takes host names as `URL` gives them. */
export function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127(?:\.\d{1,3}){3}$/.test(hostname)
}

/** What `overrideFeatureInstallOrder` and `installsAfter` mean by a reference: any version of it. */
export function withoutVersion(reference: FeatureReference): string {
  return reference.kind === 'registry'
    ? reference.resource
    : reference.kind === 'tarball'
      ? reference.url
      : reference.path
}
