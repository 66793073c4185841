import { pack } from 'tar-stream'
import { cancelled, type PrebuildRecord, problem } from '#contract'
import type { Clock } from '../../../platform/clock'
import type { PrebuildImage, PrebuildSpec, PrebuildVerbs, StepReport } from '../../driver'
import { MANAGED_BY } from '../../shared/description'
import { isBelow, keepsHome, sourceFolders, sourceMount } from '../../shared/folders'
import { idleCommand } from '../../shared/idle'
import type { ImageInspect, ImageSummary } from '../api'
import { readOwner } from '../archive'
import type { EngineClient } from '../client'
import { containerNames, labels, nonce } from '../container/anatomy'
import { type Locator, QUICK } from '../container/locate'
import { thisMaker } from '../container/maker'
import { removeContainer } from '../container/remove'
import { isStatus } from '../problems'
import { recordOf } from './record'

/** Of the images that hold prebuilds; the tag is the prebuild's id. */
const REPOSITORY = 'berth/prebuild'
const nameOf = (id: string) => `${REPOSITORY}:${id}`
/** A name for one that is being kept, or goes to a registry, by the id of what made it. */
const pushName = (id: string) => `for-${id}`
/** A name for one that was removed while containers are made from it. */
const formerName = (imageId: string) => `former-${imageId.replace('sha256:', '').slice(0, 12)}`

/** Milliseconds after which nobody is still keeping or pushing one: who made it has died. */
const PUSH_LIMIT = 24 * 60 * 60_000

/** Seconds that processes have to end before their files are kept. */
const GRACE = 2

/** Prebuilds on one engine. See {@link PrebuildVerbs}. */
export class Prebuilds implements PrebuildVerbs {
  readonly #client: EngineClient
  readonly #locator: Locator
  readonly #clock: Clock

  constructor(client: EngineClient, locator: Locator, clock: Clock) {
    this.#client = client
    this.#locator = locator
    this.#clock = clock
  }

  async list(signal: AbortSignal): Promise<readonly PrebuildImage[]> {
    try {
      return (await this.#images(signal)).flatMap(({ Id, RepoTags, Labels, Size = 0 }) => {
        const record = recordOf(Labels)
        // An image that somebody builds from a prebuild has its labels, and is none.
        if (!record || !RepoTags?.includes(nameOf(record.id))) return []
        return [{ reference: nameOf(record.id), imageId: Id, record, size: Size }]
      })
    } catch (error) {
      throw this.#client.failure(error, 'The prebuilds could not be listed', signal)
    }
  }

  async imageId(reference: string, signal: AbortSignal): Promise<string | undefined> {
    try {
      return (await this.#inspect(reference, signal))?.Id
    } catch (error) {
      throw this.#client.failure(error, 'An image could not be looked up', signal)
    }
  }

  async open(spec: PrebuildSpec, report: StepReport, signal: AbortSignal): Promise<void> {
    const title = 'The container for the prebuild could not be made'
    if (signal.aborted) throw cancelled('Making the container')
    try {
      await this.#refuseVolumes(spec, signal)
      report.detail('Making the container')
      // Not aborted under way: the engine would go on, and make what nobody removes then.
      const { Id } = await this.#client.json<{ Id: string }>('POST', '/containers/create', {
        query: { name: containerNames.uncommitted(spec.id) },
        // What stands here becomes part of the image, but for what `keep` puts back. So there is no environment in it.
        json: {
          Image: spec.image.reference,
          Entrypoint: idleCommand(spec.definition),
          Cmd: [],
          Labels: {
            [labels.managedBy]: MANAGED_BY,
            [labels.workspace]: spec.id,
            [labels.making]: nonce(),
            [labels.maker]: thisMaker(),
            // Made from a prebuild, it is none yet.
            [labels.prebuild]: '',
          },
          HostConfig: { Init: true },
        },
      })
      this.#locator.note(spec.id, Id, spec.image.hasShell)
      signal.throwIfAborted()
      await this.#makeFolders(Id, spec, signal)
      await this.#client.json('POST', `/containers/${Id}/start`)
      signal.throwIfAborted()
    } catch (error) {
      throw this.#client.failure(error, title, signal)
    }
  }

  async #refuseVolumes({ image, sourceFolder }: PrebuildSpec, signal: AbortSignal): Promise<void> {
    const inspect = await this.#inspect(image.reference, signal)
    const { home } = image.user
    const kept = [sourceMount(sourceFolder), ...(keepsHome(home) ? [home] : [])]
    const found = Object.keys(inspect?.Config?.Volumes ?? {}).find((volume) =>
      kept.some((folder) => isBelow(folder, volume) || isBelow(volume, folder)),
    )
    if (found === undefined) return
    throw problem({
      code: 'definition-unsupported',
      title: 'No prebuild can be made of this image',
      cause: `The image declares a volume at ${found}, and what is in a volume does not become part of an image.`,
      remedy: 'Take the VOLUME out of its Dockerfile, or do without a prebuild.',
    })
  }

  async #makeFolders(containerId: string, spec: PrebuildSpec, signal: AbortSignal): Promise<void> {
    const { uid, gid, home } = spec.image.user
    const own = sourceFolders(spec.sourceFolder, spec.definition.workspaceFolder)
    if (uid !== 0 && keepsHome(home) && (await readOwner(this.#client, containerId, home, signal)) !== uid)
      own.push(home)
    const tar = pack()
    for (const folder of own)
      tar.entry({ name: `${folder.slice(1)}/`, type: 'directory', uid, gid, mode: 0o755 })
    tar.finalize()
    const response = await this.#client.stream('PUT', `/containers/${containerId}/archive`, {
      query: { path: '/' },
      body: tar,
      signal,
    })
    response.resume()
  }

  async keep(
    id: string,
    record: PrebuildRecord,
    report: StepReport,
    signal: AbortSignal,
    { elsewhere }: { readonly elsewhere: boolean } = { elsewhere: false },
  ): Promise<PrebuildImage> {
    if (signal.aborted) throw cancelled('Keeping the prebuild')
    const name = nameOf(elsewhere ? pushName(id) : record.id)
    let made: string | undefined
    try {
      const containerId = await this.#locator.containerId(id, signal)
      const container = await this.#client.json<{ Image: string }>('GET', `/containers/${containerId}/json`, {
        timeout: QUICK,
        signal,
      })
      const base = await this.#inspect(container.Image, signal)
      report.detail('Ending what still runs in it')
      await this.#client.json('POST', `/containers/${containerId}/stop`, { query: { t: GRACE } })
      signal.throwIfAborted()
      report.detail('Writing the image')
      // Named from the first moment: what has no name is swept away, by whoever removes a workspace just then.
      const { Id } = await this.#client.json<{ Id: string }>('POST', '/commit', {
        query: { container: containerId, repo: REPOSITORY, tag: pushName(id) },
        json: configOf(base, record),
      })
      made = nameOf(pushName(id))
      signal.throwIfAborted()
      const before = await this.imageId(name, signal)
      if (!elsewhere) {
        await this.#client.json('POST', `/images/${Id}/tag`, { query: { repo: REPOSITORY, tag: record.id } })
        await this.#delete(made)
      }
      made = undefined
      // What held it open is gone before the one that it replaces is: they share what lies below.
      await removeContainer(this.#client, containerId)
      if (before !== undefined && before !== Id) await this.sweep(signal)
      const { Size = 0 } = (await this.#inspect(name, signal)) ?? {}
      return { reference: name, imageId: Id, record, size: Size }
    } catch (error) {
      if (made !== undefined) await this.#delete(made)
      throw this.#client.failure(error, 'The prebuild could not be kept', signal)
    }
  }

  async remove(prebuildId: string, signal: AbortSignal): Promise<boolean> {
    const name = nameOf(prebuildId)
    try {
      const imageId = await this.imageId(name, signal)
      if (imageId !== undefined) {
        // Under another name it can lose this one, also while a container is made from it.
        await this.#client.json('POST', `/images/${imageId}/tag`, {
          query: { repo: REPOSITORY, tag: formerName(imageId) },
        })
        await this.#delete(name)
      }
      await this.sweep(signal)
      return imageId !== undefined
    } catch (error) {
      throw this.#client.failure(error, 'The prebuild could not be removed', signal)
    }
  }

  /** Lets go of one that was to be pushed, by the id of what made it. */
  async forget(id: string): Promise<void> {
    await this.#delete(nameOf(pushName(id)))
  }

  /** Lets go of prebuilds that were replaced or removed, as soon as no container is made from them. */
  async sweep(signal: AbortSignal): Promise<void> {
    for (const { Id, RepoTags, Labels } of await this.#images(signal)) {
      const record = recordOf(Labels)
      const tags = (RepoTags ?? []).filter((tag) => tag !== '<none>:<none>')
      const isStuck = record && this.#clock.now() - record.madeAt > PUSH_LIMIT
      const goes = (tag: string) =>
        tag === nameOf(formerName(Id)) || (isStuck && tag.startsWith(nameOf(pushName(''))))
      if (!record || !tags.every(goes)) continue
      await this.#delete(tags[0] ?? Id)
    }
  }

  /** By name or id. One that is in use stays. */
  async #delete(image: string): Promise<void> {
    await this.#client.json('DELETE', `/images/${image}`).catch((error: unknown) => {
      if (!isStatus(error, 404, 409)) throw error
    })
  }

  #images(signal: AbortSignal): Promise<ImageSummary[]> {
    return this.#client.json<ImageSummary[]>('GET', '/images/json', {
      query: { filters: JSON.stringify({ label: [labels.prebuild] }) },
      timeout: QUICK,
      signal,
    })
  }

  async #inspect(
    reference: string,
    signal: AbortSignal,
  ): Promise<(ImageInspect & { readonly Size?: number }) | undefined> {
    try {
      return await this.#client.json('GET', `/images/${reference}/json`, { timeout: QUICK, signal })
    } catch (error) {
      if (isStatus(error, 400, 404)) return undefined
      throw error
    }
  }
}

/**
 * That of the image underneath, whatever the container ran. What is given here is preferred to the container's, and an
 * empty list is given, too (Engine API, "ImageCommit"). Labels can be emptied and not taken away.
 */
function configOf(base: ImageInspect | undefined, record: PrebuildRecord): Record<string, unknown> {
  const { Config } = base ?? {}
  return {
    User: Config?.User ?? '',
    Env: Config?.Env ?? [],
    Entrypoint: Config?.Entrypoint ?? [],
    Cmd: Config?.Cmd ?? [],
    WorkingDir: Config?.WorkingDir ?? '',
    Labels: {
      [labels.workspace]: '',
      [labels.making]: '',
      [labels.maker]: '',
      [labels.managedBy]: MANAGED_BY,
      [labels.prebuild]: JSON.stringify(record),
    },
  }
}
