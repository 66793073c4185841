import type { ImageAliases } from '#contract'

/** What an image is got as, by an alias of the settings. */
export interface Aliased {
  /** In place of the name that was asked for. */
  readonly image: string
  /** The key that matched, as the user wrote it. */
  readonly by: string
}

/** An image's name with all that Docker takes for granted. */
export interface NormalName {
  /** With registry, `docker.io` where none is named or another of its hosts, and `library/` for Docker's own: `docker.io/library/debian`. */
  readonly name: string
  readonly tag: string | undefined
  readonly digest: string | undefined
}

/**
 * The image to get in place of one that is asked for; undefined where no alias matches. Names are made whole as
 * Docker does (distribution's reference grammar): `debian` is `docker.io/library/debian:latest`. A key with a tag or
 * digest matches only that; one without matches all, and hands tag and digest on to a value that has none; one with
 * `/` at its end matches what begins so. The longest key wins. What comes out is not mapped again.
 */
export function aliasOf(reference: string, aliases: ImageAliases): Aliased | undefined {
  const asked = normalise(reference)
  let best: (Aliased & { readonly length: number }) | undefined
  for (const [by, to] of Object.entries(aliases)) {
    const found = by.endsWith('/') ? byPrefix(asked, by, to) : byName(asked, by, to)
    if (found && (!best || found.length > best.length)) best = { ...found, by }
  }
  return best && { image: best.image, by: best.by }
}

/** For a step's result and log: `debian:bookworm, by the alias for mcr.microsoft.com/devcontainers/base:bookworm`. */
export function describeAlias({ image, by }: Aliased): string {
  return `${image}, by the alias for ${by}`
}

function byName(asked: NormalName, key: string, to: string) {
  const wanted = normalise(key)
  if (wanted.name !== asked.name) return undefined
  if (wanted.digest === undefined && wanted.tag === undefined) {
    const { tag, digest } = normalise(to)
    const image = tag === undefined && digest === undefined ? `${to}${versionOf(asked)}` : to
    return { image, length: wanted.name.length }
  }
  // What is pinned to a digest is not exchanged because of a tag, which the engine would not have looked at either.
  const same =
    wanted.digest === undefined
      ? asked.digest === undefined && wanted.tag === (asked.tag ?? 'latest')
      : wanted.digest === asked.digest
  return same ? { image: to, length: wanted.name.length + versionOf(wanted).length } : undefined
}

function byPrefix(asked: NormalName, key: string, to: string) {
  const prefix = `${withRegistry(key.slice(0, -1), false)}/`
  if (!asked.name.startsWith(prefix)) return undefined
  return { image: `${to}${asked.name.slice(prefix.length)}${versionOf(asked)}`, length: prefix.length }
}

function versionOf({ tag, digest }: NormalName): string {
  return `${tag === undefined ? '' : `:${tag}`}${digest === undefined ? '' : `@${digest}`}`
}

/** The parts of a name, made whole as Docker does. */
export function normalise(text: string): NormalName {
  const [beforeDigest = '', digest] = text.split('@', 2)
  const colon = beforeDigest.lastIndexOf(':')
  const hasTag = colon > beforeDigest.lastIndexOf('/')
  const name = withRegistry(hasTag ? beforeDigest.slice(0, colon) : beforeDigest, true)
  return { name, tag: hasTag ? beforeDigest.slice(colon + 1) : undefined, digest }
}

const isDockerHub = /^(?:docker\.io|index\.docker\.io|registry-1\.docker\.io|registry\.hub\.docker\.com)$/

/** Registries are host names: case does not count, nor does the port that is meant without one, or a dot at the end. */
function plainHost(host: string): string {
  return host.toLowerCase().replace(/\.?(?::443)?$/, '')
}

function withRegistry(name: string, isWhole: boolean): string {
  const slash = name.indexOf('/')
  const first = slash < 0 ? name : name.slice(0, slash)
  // Alone, a first part that looks like a host is one only where more is to follow.
  const isHost = (slash >= 0 || !isWhole) && (/[.:]/.test(first) || first === 'localhost')
  if (!isHost) return `docker.io/${slash < 0 && isWhole ? 'library/' : ''}${name}`
  const host = plainHost(first)
  if (!isDockerHub.test(host)) return slash < 0 ? host : `${host}${name.slice(slash)}`
  const rest = slash < 0 ? '' : name.slice(slash + 1)
  if (rest === '') return 'docker.io'
  return `docker.io/${rest.includes('/') || !isWhole ? '' : 'library/'}${rest}`
}
