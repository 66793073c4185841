import type { Platform } from '../../../../platform/platform'
import { compareVersions, type EngineClient } from '../../client'
import { QUICK } from '../../container/locate'

/** With which of its builders an engine builds. */
export type Builder = 'buildkit' | 'classic'

/** The oldest API with BuildKit in it. */
const FIRST_API = '1.39'

/**
 * BuildKit where the engine has it. Engines say which builder they prefer (Engine API, "Ping", `Builder-Version`);
 * before 23.0 Docker said nothing, unless its configuration did, and had it all the same. Podman has none.
 * `DOCKER_BUILDKIT=0` asks for the classic one, as it does of docker's own client.
 */
export async function builderOf(
  client: EngineClient,
  { env }: Pick<Platform, 'env'>,
  signal: AbortSignal,
): Promise<Builder> {
  if (/^(?:0|f|false)$/i.test(env.DOCKER_BUILDKIT ?? '')) return 'classic'
  const headers = await client.head('/_ping', { timeout: QUICK, signal })
  const said = headers?.['builder-version']
  if (said === '1' || headers?.['libpod-api-version'] !== undefined) return 'classic'
  if (said !== undefined && said !== '' && said !== '2') return 'classic'
  if (headers?.ostype === 'windows') return 'classic'
  return compareVersions(await client.apiVersion(signal), FIRST_API) < 0 ? 'classic' : 'buildkit'
}
