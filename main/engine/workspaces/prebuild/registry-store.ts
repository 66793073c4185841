import { createHash } from 'node:crypto'
import { PrebuildRecord, ProblemError, prebuildLabel, problem } from '#contract'
import type { PrebuildImage } from '../../drivers/driver'
import { deleteImage, imageDigest, listTags, readImage, registryClient } from '../../features/index'
import type { Platform } from '../../platform/platform'
import { repositoryOf } from './repository'

/** Characters; a record has a digest for each of two dozen fields. */
const LONGEST_RECORD = 64 * 1024
/** How many images are asked about at a time. */
const AT_ONCE = 6

/** What the tag of a prebuild says. */
export interface PrebuildTag {
  readonly tag: string
  /** Of the git repository, see {@link keyOf}. */
  readonly key: string
  readonly id: string
  /** Milliseconds since the epoch. */
  readonly madeAt: number
}

/** The same for all ways to a git repository. */
function keyOf(url: string): string {
  return createHash('sha256').update(repositoryOf(url)).digest('hex').slice(0, 12)
}

/**
 * The tag of a prebuild in a registry. Each has one of its own: a cluster may have to pull an old one again, for a
 * workspace that was made from it. So those of a git repository, and the newest of them, are known without a look at any.
 */
export function prebuildTag({ url, id, madeAt }: Pick<PrebuildRecord, 'url' | 'id' | 'madeAt'>): string {
  return `berth-prebuild-${keyOf(url)}-${id}-${madeAt.toString(36)}`
}

/** Undefined for what is no prebuild's. */
export function readPrebuildTag(tag: string): PrebuildTag | undefined {
  const [, key, id, time] = /^berth-prebuild-([0-9a-f]{12})-([0-9a-f]{12})-([0-9a-z]{1,10})$/.exec(tag) ?? []
  if (key === undefined || id === undefined || time === undefined) return undefined
  return { tag, key, id, madeAt: Number.parseInt(time, 36) }
}

/** Of those of one git repository the newest of each id; newest first. */
export function newestTags(tags: readonly PrebuildTag[], url: string): PrebuildTag[] {
  const key = keyOf(url)
  const newest = new Map<string, PrebuildTag>()
  for (const tag of tags)
    if (tag.key === key && tag.madeAt > (newest.get(tag.id)?.madeAt ?? -1)) newest.set(tag.id, tag)
  return [...newest.values()].sort((left, right) => right.madeAt - left.madeAt)
}

/**
 * Prebuilds in a repository of a registry, asked for from this machine with the user's own logins: neither a cluster nor
 * a builder has a part in it. See {@link PrebuildStore}.
 */
export class RegistryPrebuilds {
  readonly #platform: Platform
  readonly #repository: string

  constructor(platform: Platform, repository: string) {
    this.#platform = platform
    this.#repository = repository
  }

  async list(signal: AbortSignal, url?: string): Promise<readonly PrebuildImage[]> {
    const client = registryClient(this.#platform, signal)
    const all = await this.#tags(signal)
    const wanted = url === undefined ? all : newestTags(all, url)
    const found: PrebuildImage[] = []
    const next = wanted.values()
    const read = async () => {
      for (const { tag, id, madeAt } of next) {
        const reference = `${this.#repository}:${tag}`
        const image = await readImage(reference, client).catch(unlessGone)
        const record = image && recordOf(image.labels[prebuildLabel])
        // An image that somebody builds from a prebuild has its label, and is none.
        if (!image || record?.id !== id || record.madeAt !== madeAt) continue
        // By its digest: the tag may be somebody else's in a moment.
        const imageId = `${this.#repository}@${image.digest}`
        found.push({ reference, imageId, record, size: image.size, isPulled: true })
      }
    }
    await Promise.all(Array.from({ length: AT_ONCE }, read))
    return found
  }

  async imageId(reference: string, signal: AbortSignal): Promise<string | undefined> {
    try {
      return await imageDigest(reference, registryClient(this.#platform, signal))
    } catch (error) {
      signal.throwIfAborted()
      // An image of the builder alone, say. That it is another one now nobody can say then.
      this.#platform.logger.debug('A registry did not say what an image is', { error: String(error) })
      return undefined
    }
  }

  async remove(prebuildId: string, signal: AbortSignal, image?: string): Promise<boolean> {
    const client = registryClient(this.#platform, signal)
    const own = (await this.#tags(signal)).filter(
      ({ id, tag }) => id === prebuildId && (image === undefined || image === `${this.#repository}:${tag}`),
    )
    let removed = false
    for (const { tag } of own) {
      const digest = await imageDigest(`${this.#repository}:${tag}`, client)
      const outcome = digest === undefined ? 'absent' : await deleteImage(this.#repository, digest, client)
      if (outcome === 'refused') throw ofNoDeletion(this.#repository, tag)
      if (outcome === 'deleted') removed = true
    }
    return removed
  }

  async #tags(signal: AbortSignal): Promise<PrebuildTag[]> {
    const tags = await listTags(this.#repository, registryClient(this.#platform, signal))
    return tags.flatMap((tag) => readPrebuildTag(tag) ?? [])
  }
}

/** One that was removed meanwhile is none. */
function unlessGone(error: unknown): undefined {
  if (error instanceof ProblemError && error.problem.code === 'feature-not-found') return
  throw error
}

function recordOf(label: string | undefined): PrebuildRecord | undefined {
  if (label === undefined || label.length > LONGEST_RECORD) return undefined
  try {
    const parsed = PrebuildRecord.safeParse(JSON.parse(label))
    return parsed.success ? parsed.data : undefined
  } catch {
    return undefined
  }
}

function ofNoDeletion(repository: string, tag: string) {
  return problem({
    code: 'unsupported',
    title: 'The prebuild could not be removed',
    cause: `The registry of ${repository} does not let images be deleted this way.`,
    remedy: `Remove the tag ${tag} of ${repository} where the registry is managed, or switch deletion on there.`,
  })
}
