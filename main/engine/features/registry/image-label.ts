import { DockerLogins } from '../../platform/docker-logins'
import type { Platform } from '../../platform/platform'
import { metadataLabel } from '../image-metadata'
import type { Fetch } from './bounded-fetch'
import { RegistryClient } from './client'
import { readImage } from './image'

/** Milliseconds: it is asked beside other work, and nobody is to wait for a registry that does not answer. */
const patience = 5_000

/** Asks registries with the user's own logins; for one piece of work, as tokens are kept. */
export function registryClient(
  platform: Platform,
  signal: AbortSignal,
  fetch: Fetch = globalThis.fetch,
): RegistryClient {
  return new RegistryClient({ fetch, signal, patience }, new DockerLogins(platform))
}

/**
 * The label `devcontainer.metadata` of an image, as its registry has it, for targets that show no labels; undefined
 * where it has none. Rejects with the Problems of {@link readImage}.
 */
export async function readImageLabel(
  image: string,
  platform: Platform,
  signal: AbortSignal,
  fetch?: Fetch,
): Promise<string | undefined> {
  const { labels } = await readImage(image, registryClient(platform, signal, fetch))
  return Object.hasOwn(labels, metadataLabel) ? labels[metadataLabel] : undefined
}

/** What an image runs where nothing else is said, as {@link readImageLabel} finds it. Rejects as that. */
export async function readImageCommand(
  image: string,
  platform: Platform,
  signal: AbortSignal,
  fetch?: Fetch,
): Promise<{ readonly entrypoint: readonly string[]; readonly command: readonly string[] }> {
  const { config } = await readImage(image, registryClient(platform, signal, fetch))
  const words = (value: unknown) =>
    Array.isArray(value) ? value.filter((word): word is string => typeof word === 'string') : []
  return { entrypoint: words(config.Entrypoint), command: words(config.Cmd) }
}
