import { normalise } from '../platform/image-aliases'

/** An image's name as rules are held against it. */
interface ImageParts {
  /** With registry; `docker.io/library/debian`. */
  readonly name: string
  readonly tag: string | undefined
  readonly digest: string | undefined
}

/**
 * Whether a policy's pattern means an image. Both are made whole as Docker does: `debian` is
 * `docker.io/library/debian`, and the pattern is held against all of the name from its registry on, so that
 * `evil.example/docker.io/library/debian` is none of `docker.io/library/*`. `*` stands for what has no `/` in it; `**`,
 * or a `/` at the end, for all that follows. A pattern without a version means every version; one with a tag means
 * images with this tag and no digest, because where there is a digest nobody looks at the tag.
 */
export function matchesImage(pattern: string, image: string): boolean {
  return matches(pattern, image, false)
}

/** The same for what is refused: a tag is refused with a digest behind it as well. */
export function matchesDenied(pattern: string, image: string): boolean {
  return matches(pattern, image, true)
}

function matches(pattern: string, image: string, isDenied: boolean): boolean {
  if (pattern === '**') return true
  const asked = partsOf(image)
  // A content's id names no place that it comes from.
  if (asked === undefined) return false
  if (pattern.endsWith('/')) return isBelow(asked.name, pattern)
  const { name, tag, digest } = versionOf(pattern)
  const wanted = name.endsWith('/**') ? undefined : wholeName(name)
  if (wanted === undefined ? !isBelow(asked.name, name.slice(0, -2)) : !glob(wanted, asked.name)) return false
  if (digest !== undefined) return asked.digest !== undefined && glob(digest, asked.digest)
  if (tag === undefined) return true
  if (isDenied) return glob(tag, asked.tag ?? (asked.digest === undefined ? 'latest' : ''))
  return asked.digest === undefined && glob(tag, asked.tag ?? 'latest')
}

function partsOf(image: string): ImageParts | undefined {
  if (/^(?:sha256:)?[0-9a-f]{64}$/i.test(image) || /^[0-9a-f]{12,63}$/.test(image)) return undefined
  const { name, tag, digest } = normalise(image)
  return { name: withPlainRegistry(name), tag, digest }
}

/** Registries are host names: case does not count, nor does the port that is meant without one; Docker Hub has two. */
function withPlainRegistry(name: string): string {
  const slash = name.indexOf('/')
  if (slash < 0) return name
  const host = name
    .slice(0, slash)
    .toLowerCase()
    .replace(/\.?(?::443)?$/, '')
  const path = name.slice(slash)
  if (!/^(?:docker\.io|index\.docker\.io|registry-1\.docker\.io|registry\.hub\.docker\.com)$/.test(host))
    return host + path
  return `docker.io${path.indexOf('/', 1) < 0 ? '/library' : ''}${path}`
}

function versionOf(pattern: string) {
  const [beforeDigest = '', digest] = pattern.split('@', 2)
  const colon = beforeDigest.lastIndexOf(':')
  const hasTag = colon > beforeDigest.lastIndexOf('/')
  return {
    name: hasTag ? beforeDigest.slice(0, colon) : beforeDigest,
    tag: hasTag ? beforeDigest.slice(colon + 1) : undefined,
    digest,
  }
}

function wholeName(name: string): string {
  return withPlainRegistry(normalise(name).name)
}

function isBelow(name: string, prefix: string): boolean {
  const begin = prefix.endsWith('/') ? prefix.slice(0, -1) : prefix
  // With something behind it, so that a registry alone is taken for one.
  const whole = wholeName(`${begin}/x/x`).slice(0, -'/x/x'.length)
  const depth = whole.split('/').length
  const parts = name.split('/')
  return parts.length > depth && glob(whole, parts.slice(0, depth).join('/'))
}

/** `*` stands for any characters but `/`. In a time that does not grow faster than the two lengths' product. */
function glob(pattern: string, text: string): boolean {
  let at = 0
  let star = -1
  let resume = 0
  let index = 0
  while (index < text.length) {
    if (pattern[at] === '*') {
      star = at++
      resume = index
    } else if (pattern[at] !== undefined && pattern[at] === text[index]) {
      at++
      index++
    } else if (star >= 0 && text[resume] !== '/') {
      at = star + 1
      index = ++resume
    } else return false
  }
  while (pattern[at] === '*') at++
  return at === pattern.length
}
