import { posix } from 'node:path'
import { pack } from 'tar-stream'
import type { Mount } from '#contract'
import { readOwner } from '../archive'
import type { EngineClient } from '../client'

/**
 * Makes the folders of a new container at which there will be a tmpfs, for everybody to write to. The runtime would make
 * a folder that is missing for root alone, and gives a tmpfs the mode of the folder that it finds: from the second start
 * on nobody else could write there (runc, `mountToRootfs`). What the image has stays as it is.
 */
export async function makeMemoryFolders(
  client: EngineClient,
  containerId: string,
  mounts: readonly Mount[],
  signal: AbortSignal,
): Promise<void> {
  const isThere = async (folder: string) =>
    (await readOwner(client, containerId, folder, signal)) !== undefined
  const missing = new Map<string, number>()
  for (const { type, target } of mounts) {
    if (type !== 'tmpfs') continue
    const found: string[] = []
    let folder = posix.normalize(target).replace(/(?<=.)\/$/, '')
    while (folder !== '/' && !missing.has(folder) && !(await isThere(folder))) {
      found.unshift(folder)
      folder = posix.dirname(folder)
    }
    for (const one of found) missing.set(one, 0o755)
    const last = found.at(-1)
    if (last !== undefined) missing.set(last, 0o1777)
  }
  if (missing.size === 0) return
  const tar = pack()
  for (const [folder, mode] of missing) tar.entry({ name: `${folder.slice(1)}/`, type: 'directory', mode })
  tar.finalize()
  const response = await client.stream('PUT', `/containers/${containerId}/archive`, {
    query: { path: '/' },
    body: tar,
    signal,
  })
  response.resume()
}
