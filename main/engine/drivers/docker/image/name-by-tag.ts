import type { ImageInspect } from '../api'
import type { EngineClient } from '../client'
import { builtRepository, nonce } from '../container/anatomy'
import { QUICK } from '../container/locate'
import { isStatus } from '../problems'

/**
 * BuildKit takes an image by its name alone: arguments that are an image's id are exchanged for a name that the image
 * gets until `dispose`, which never rejects. Images that are not there keep their id.
 */
export async function nameByTag(
  client: EngineClient,
  workspaceId: string,
  args: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<{ readonly args: Record<string, string>; dispose(): Promise<void> }> {
  const made: string[] = []
  const named: Record<string, string> = { ...args }
  const dispose = async () => {
    for (const tag of made) await untag(client, tag).catch(() => undefined)
  }
  try {
    for (const [name, value] of Object.entries(args)) {
      if (!/^sha256:[0-9a-f]{64}$/.test(value)) continue
      const repo = builtRepository(workspaceId)
      const tag = `base-${nonce()}`
      try {
        await client.json('POST', `/images/${value}/tag`, { query: { repo, tag }, timeout: QUICK, signal })
      } catch (error) {
        if (isStatus(error, 404)) continue
        throw error
      }
      made.push(`${repo}:${tag}`)
      named[name] = `${repo}:${tag}`
    }
  } catch (error) {
    await dispose()
    throw error
  }
  return { args: named, dispose }
}

/** An image with no other name would go with this one: it keeps it, and goes with the workspace. */
async function untag(client: EngineClient, tag: string): Promise<void> {
  const image = await client.json<ImageInspect>('GET', `/images/${tag}/json`, { timeout: QUICK })
  if ((image.RepoTags ?? []).length > 1)
    await client.json('DELETE', `/images/${tag}`, { query: { noprune: true }, timeout: QUICK })
}
