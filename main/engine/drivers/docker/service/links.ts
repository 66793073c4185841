import { posix } from 'node:path'
import type { Problem, Service } from '#contract'
import { isLink } from '../archive'
import type { EngineClient } from '../client'
import { type Host, mountOf, placesOf } from './plan'

/**
 * The first symbolic link on the way to a part of the source that a service is to see, as a path of the workspace's
 * container; undefined where there is none. The engine would follow it on its own machine, out of the source, and with
 * that machine's rights.
 */
export async function linkOnTheWay(
  client: EngineClient,
  { inspect, sourceFolder }: Host,
  service: Service,
  signal: AbortSignal,
): Promise<string | undefined> {
  if (sourceFolder === undefined) return undefined
  const folder = posix.normalize(sourceFolder)
  const root = mountOf(inspect.Mounts, folder)?.Destination
  if (root === undefined) return undefined
  const known = new Set<string>()
  for (const { path } of placesOf(service)) {
    let step = root
    for (const part of posix.relative(root, posix.join(folder, path)).split('/').filter(Boolean)) {
      step = posix.join(step, part)
      if (known.has(step)) continue
      if (await isLink(client, inspect.Id, step, signal)) return step
      known.add(step)
    }
  }
  return undefined
}

export function leadsElsewhere(service: string, path: string): Problem {
  return {
    code: 'service-failed',
    title: `${service} cannot see a part of the source`,
    cause: `${path} is a symbolic link, which the engine would follow on its own machine.`,
    remedy: 'Name the folder itself that it leads to in the definition, or put a folder in its place.',
  }
}
