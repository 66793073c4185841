import { type NormalName, normalise } from '../platform/image-aliases'

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

/** Whether an image is named by its content and without a tag. */
export function hasDigestAlone(image: string): boolean {
  const parts = partsOf(image)
  return parts?.digest !== undefined && parts.tag === undefined
}

/** Whether a pattern means some tags of what an image is one of. */
export function isOfVersions(pattern: string, image: string): boolean {
  const { name, tag, digest } = versionOf(pattern)
  return tag !== undefined && digest === undefined && matches(name, image, true)
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

/**
 * Whether a name may be a content's id, or the beginning of one: an engine takes it for that where it has no image of
 * the name. It tells nothing of where the image is from.
 */
export function isContentId(image: string): boolean {
  return /^(?:sha256:)?[0-9a-f]{1,64}$/i.test(image)
}

function partsOf(image: string): NormalName | undefined {
  if (isContentId(image)) return undefined
  return normalise(image)
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
  return normalise(name).name
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
