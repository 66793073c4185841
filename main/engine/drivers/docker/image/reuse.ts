import { createHash } from 'node:crypto'
import type { BuildGrants, ImageBuild } from '#contract'
import type { Platform } from '../../../platform/platform'
import { buildDigest } from '../../shared/build/build-digest'
import { MANAGED_BY } from '../../shared/description'
import type { ContainerSummary, ImageInspect, ImageSummary } from '../api'
import type { EngineClient } from '../client'
import { isBuilt, labels, managedFilter, nameOf, ownerOfBuilt } from '../container/anatomy'
import { QUICK } from '../container/locate'
import { isStatus } from '../problems'

/** An image that was built of the same before. */
export interface Earlier {
  /** Of other workspaces that have it. */
  readonly names: readonly string[]
}

/**
 * Of all that goes into a build on one engine, in 40 hexadecimal digits: as {@link buildDigest}, with what the base
 * images are that the engine has, and which secrets and agents the build may have.
 */
export async function reuseKey(
  client: EngineClient,
  platform: Platform,
  what: {
    readonly build: ImageBuild
    readonly folder: string
    readonly grants: BuildGrants | undefined
  },
  signal: AbortSignal,
): Promise<string> {
  const { Os, Arch } = await client.negotiate(signal)
  const images = new Set<string>()
  const digest = await buildDigest(what.build, what.folder, `${Os}/${Arch}`, platform, signal, {
    image: (name) => images.add(name),
    // Its own image has another name in each workspace; that it is the same one, its id says.
    argument: (value) => (isBuilt(value) ? '' : value),
  })
  const bases: [string, string][] = []
  for (const name of [...images].sort())
    bases.push([isBuilt(name) ? '' : name, await idOf(client, name, signal)])
  const secrets = (what.grants?.secrets ?? []).map(({ id }) => id).sort()
  const granted = [secrets, what.grants?.ssh ?? false, what.grants?.hostNetwork ?? false]
  return createHash('sha256')
    .update(JSON.stringify([digest, bases.sort(([, a], [, b]) => (a < b ? -1 : 1)), granted]))
    .digest('hex')
    .slice(0, 40)
}

/** Empty where the engine has none. */
async function idOf(client: EngineClient, image: string, signal: AbortSignal): Promise<string> {
  try {
    const { Id } = await client.json<ImageInspect>('GET', `/images/${image}/json`, { timeout: QUICK, signal })
    return Id
  } catch (error) {
    if (isStatus(error, 400, 404)) return ''
    throw error
  }
}

/** Gives an image that was built of the same one more name; undefined where there is none. */
export async function findEarlier(
  client: EngineClient,
  key: string,
  workspaceId: string,
  tag: string,
  signal: AbortSignal,
): Promise<Earlier | undefined> {
  const found = await client.json<ImageSummary[]>('GET', '/images/json', {
    query: { filters: JSON.stringify({ label: [managedFilter, `${labels.build}=${key}`] }) },
    timeout: QUICK,
    signal,
  })
  // What somebody else built on top of it has the label too, and no such name.
  const image = found.find(({ RepoTags }) => RepoTags?.some(isBuilt))
  if (!image) return undefined
  const [repo, version] = tag.split(':')
  try {
    await client.json('POST', `/images/${image.Id}/tag`, {
      query: { repo, tag: version },
      timeout: QUICK,
      signal,
    })
  } catch (error) {
    // Its last workspace was removed meanwhile.
    if (isStatus(error, 404)) return undefined
    throw error
  }
  const owners = new Set((image.RepoTags ?? []).map(ownerOfBuilt))
  owners.delete(workspaceId)
  owners.delete(undefined)
  return { names: owners.size === 0 ? [] : await namesOf(client, owners, signal) }
}

async function namesOf(
  client: EngineClient,
  owners: ReadonlySet<string | undefined>,
  signal: AbortSignal,
): Promise<string[]> {
  const containers = await client.json<ContainerSummary[]>('GET', '/containers/json', {
    query: { all: true, filters: JSON.stringify({ label: [managedFilter, labels.workspace] }) },
    timeout: QUICK,
    signal,
  })
  const names = containers.flatMap(({ Labels, Names }) => {
    const id = Labels?.[labels.workspace]
    if (id === undefined || !owners.has(id) || Labels?.[labels.managedBy] !== MANAGED_BY) return []
    return [nameOf((Names[0] ?? '').replace(/^\//, ''), id, Labels[labels.name] ?? id)]
  })
  return [...new Set(names)].sort()
}
