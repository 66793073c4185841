import { createHash } from 'node:crypto'
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { z } from 'zod'
import type { Platform } from '../../../platform/platform'
import { nonce } from './anatomy'

/** What a look into an image found. */
export const LookedAt = z.strictObject({
  version: z.literal(1),
  /** Milliseconds since the epoch. */
  at: z.number(),
  /** As the node calls it: a digest. */
  imageId: z.string(),
  /** Its own user, as a Dockerfile writes it. */
  user: z.string(),
  passwd: z.string(),
  /** Its /etc/group. */
  group: z.string(),
  hasShell: z.boolean(),
  env: z.record(z.string(), z.string()),
})
export type LookedAt = z.infer<typeof LookedAt>

/** Milliseconds for which a tag is taken to mean the same image. What is named by its digest never changes. */
const TAG_LIFE = 24 * 60 * 60_000

/**
 * Remembers what was found in images: only a pod can look into one, and a workspace would start twice as slowly. A
 * node tells which image a name means only after it has run it, so names are kept, for a day, and dropped as soon as a
 * pod shows that they mean another image now.
 */
export class ImageCache {
  readonly #platform: Platform
  readonly #endpoint: string

  constructor(platform: Platform, endpoint: string) {
    this.#platform = platform
    this.#endpoint = endpoint
  }

  #path(reference: string): string {
    const key = createHash('sha256').update(`${this.#endpoint}\n${reference}`).digest('hex').slice(0, 32)
    return join(this.#platform.folders.cache, 'images', `kubernetes-${key}.json`)
  }

  async recall(reference: string): Promise<LookedAt | undefined> {
    try {
      const found = LookedAt.parse(JSON.parse(await readFile(this.#path(reference), 'utf8')))
      const age = this.#platform.clock.now() - found.at
      return reference.includes('@sha256:') || (age >= 0 && age < TAG_LIFE) ? found : undefined
    } catch {
      return undefined // Not there, or of another version: it is made anew.
    }
  }

  async remember(reference: string, found: LookedAt): Promise<void> {
    const path = this.#path(reference)
    const temporary = `${path}.${nonce()}`
    try {
      await mkdir(dirname(path), { recursive: true })
      await writeFile(temporary, JSON.stringify(found))
      await rename(temporary, path)
    } catch (error) {
      this.#platform.logger.debug('the image cache could not be written', { path, error: String(error) })
    }
  }

  /** A pod runs `reference`, and its node calls that `imageId`. */
  async ran(reference: string, imageId: string): Promise<void> {
    const known = await this.recall(reference)
    if (known && imageId !== '' && known.imageId !== imageId) await rm(this.#path(reference), { force: true })
  }
}
