import { mkdir, readFile as readLocalFile, rename, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { z } from 'zod'
import type { Platform } from '../../../platform/platform'
import { MANAGED_BY } from '../../shared/description'
import type { ContainerSummary, ImageInspect } from '../api'
import { readFile } from '../archive'
import type { EngineClient } from '../client'
import { labels, nonce } from '../container/anatomy'
import { QUICK } from '../container/locate'
import { makerIsGone, thisMaker } from '../container/maker'
import { removeContainer } from '../container/remove'

/** What only a look at an image's files can tell. Images never change, so it is kept for ever. */
const Inside = z.strictObject({
  version: z.literal(1),
  /** Empty where the image has none. */
  passwd: z.string(),
  hasShell: z.boolean(),
})
export type Inside = z.infer<typeof Inside>

/** Marks the containers that are made to look into an image and never started. */
export const LOOK_LABEL = 'berth.dev/look'

/** Seconds after which a look is not under way any more. */
const LOOK_LIMIT = 120

export class ImageInspector {
  readonly #client: EngineClient
  readonly #platform: Platform

  constructor(client: EngineClient, platform: Platform) {
    this.#client = client
    this.#platform = platform
  }

  async look(image: ImageInspect, signal: AbortSignal): Promise<Inside> {
    const known = await this.#recall(image.Id)
    if (known) return known
    const inside = await this.#lookInside(image, signal)
    await this.#remember(image.Id, inside)
    return inside
  }

  async #lookInside(image: ImageInspect, signal: AbortSignal): Promise<Inside> {
    await this.removeForgotten(signal)
    const name = `berth-look-${nonce()}`
    // Not aborted under way, so that it is known what there is to remove.
    const { Id } = await this.#client.json<{ Id: string }>('POST', '/containers/create', {
      query: { name },
      json: {
        Image: image.Id,
        Entrypoint: ['/berth-never-started'],
        Labels: { [LOOK_LABEL]: MANAGED_BY, [labels.making]: name, [labels.maker]: thisMaker() },
        NetworkDisabled: true,
      },
    })
    try {
      const [passwd, shell] = await Promise.all([
        readFile(this.#client, Id, '/etc/passwd', signal),
        this.#client.head(`/containers/${Id}/archive`, {
          query: { path: '/bin/sh' },
          timeout: QUICK,
          signal,
        }),
      ])
      return { version: 1, passwd: passwd ?? '', hasShell: shell !== undefined }
    } finally {
      await removeContainer(this.#client, Id)
    }
  }

  /** Takes away what a Berth that was killed in mid-look left behind. */
  async removeForgotten(signal: AbortSignal): Promise<void> {
    const found = await this.#client.json<ContainerSummary[]>('GET', '/containers/json', {
      query: { all: true, filters: JSON.stringify({ label: [LOOK_LABEL] }) },
      timeout: QUICK,
      signal,
    })
    // By the engine's clock, as far as one can tell it: the newest one may be of a Berth that is looking just now.
    const newest = Math.max(...found.map((one) => one.Created), this.#platform.clock.now() / 1000)
    const forgotten = found.filter(
      (one) => makerIsGone(one.Labels?.[labels.maker]) || newest - one.Created > LOOK_LIMIT,
    )
    await Promise.all(forgotten.map((one) => removeContainer(this.#client, one.Id)))
  }

  #cachePath(imageId: string): string {
    return join(this.#platform.folders.cache, 'images', `${imageId.replace(/[^a-zA-Z0-9]/g, '-')}.json`)
  }

  async #recall(imageId: string): Promise<Inside | undefined> {
    try {
      return Inside.parse(JSON.parse(await readLocalFile(this.#cachePath(imageId), 'utf8')))
    } catch {
      return undefined // Not there, or of another version: it is made anew.
    }
  }

  async #remember(imageId: string, inside: Inside): Promise<void> {
    const path = this.#cachePath(imageId)
    const temporary = `${path}.${nonce()}`
    try {
      await mkdir(dirname(path), { recursive: true })
      await writeFile(temporary, JSON.stringify(inside))
      await rename(temporary, path)
    } catch (error) {
      this.#platform.logger.debug('the image cache could not be written', { path, error: String(error) })
    }
  }
}
