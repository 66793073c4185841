import type { BuildAsks, BuildSecret, Definition } from '#contract'
import type { RepositoryReader } from '../../definitions/index'
import { buildsOf } from '../actions/build-elsewhere'

/** Of a Dockerfile, in bytes; a longer one is built all the same. */
const LIMIT = 1024 * 1024
/** Secrets that are listed at most: as many as may be granted. */
const MOST = 64

/**
 * What the builds of a definition ask for of this machine: what it says itself, and the mounts of its Dockerfiles as
 * they are written there. Undefined: nothing.
 */
export async function readBuildAsks(
  definition: Definition,
  reader: Pick<RepositoryReader, 'read'>,
): Promise<BuildAsks | undefined> {
  const secrets = new Map<string, BuildSecret>()
  let ssh = false
  let hostNetwork = false
  for (const { build } of buildsOf(definition)) {
    for (const secret of build.secrets ?? []) secrets.set(secret.id, secret)
    ssh ||= (build.ssh ?? []).length > 0
    hostNetwork ||= build.network === 'host'
    const mounts = mountsOf(build.inline ?? (await textOf(build.dockerfile, reader)))
    for (const id of mounts.secrets) if (!secrets.has(id)) secrets.set(id, { id })
    ssh ||= mounts.ssh
  }
  // What is a file of the repository is given anyway.
  const asked = [...secrets.values()].filter(({ file }) => file === undefined).slice(0, MOST)
  if (asked.length === 0 && !ssh && !hostNetwork) return undefined
  return { secrets: asked, ssh, hostNetwork }
}

async function textOf(path: string, reader: Pick<RepositoryReader, 'read'>): Promise<string> {
  try {
    const bytes = await reader.read(path, LIMIT)
    return bytes ? new TextDecoder().decode(bytes) : ''
  } catch {
    // What cannot be read is told when it is built.
    return ''
  }
}

/** `RUN --mount=type=secret,id=…` and `type=ssh` of a Dockerfile. A secret without id is called as its target is. */
export function mountsOf(dockerfile: string): { readonly secrets: readonly string[]; readonly ssh: boolean } {
  const secrets = new Set<string>()
  let ssh = false
  const lines = dockerfile
    .split('\n')
    .filter((line) => !/^\s*#/.test(line))
    .join('\n')
  for (const [, written = ''] of lines.matchAll(/--mount=(\S{1,500})/g)) {
    const fields = new Map(
      written.split(',').map((field) => {
        const [name = '', value = ''] = field.split(/=(.*)/s)
        return [name.toLowerCase(), value.replace(/^["']|["']$/g, '')] as const
      }),
    )
    const type = fields.get('type')
    ssh ||= type === 'ssh'
    if (type !== 'secret') continue
    const target = fields.get('target') ?? fields.get('dst') ?? fields.get('destination')
    const id = fields.get('id') ?? target?.split('/').at(-1)
    if (id !== undefined && /^[\w.-]{1,128}$/.test(id)) secrets.add(id)
  }
  return { secrets: [...secrets], ssh }
}
