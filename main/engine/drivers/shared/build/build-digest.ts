import { createHash } from 'node:crypto'
import { join } from 'node:path'
import type { Definition } from '#contract'
import type { Platform } from '../../../platform/platform'
import { buildArguments } from './build-arguments'
import { packContext } from './context'
import { rewriteDockerfile } from './dockerfile-aliases'

/** Of how it is made; a change of the recipe makes other names. */
const RECIPE = 'berth-build-1'

export interface DigestOptions {
  /** Told each image that the Dockerfile names, as it will be got. */
  readonly image?: (name: string) => void
  /** An argument as it counts; absent: as it is. */
  readonly argument?: (value: string) => string
}

/**
 * Of all that goes into a build, in 40 hexadecimal digits: context (names, modes, contents; no times), Dockerfile
 * (with the images that aliases name), arguments, options and platform. Of a `.git` that is in the context only the
 * commit counts: the rest of it differs from clone to clone. What the registry has under the name of a base image does
 * not count either.
 */
export async function buildDigest(
  build: NonNullable<Definition['build']>,
  folder: string,
  engine: string,
  platform: Platform,
  signal: AbortSignal,
  { image, argument = (value) => value }: DigestOptions = {},
): Promise<string> {
  const known = buildArguments(build.args, platform)
  const { tar, dockerfile, hasGit } = await packContext(folder, build.context, build.dockerfile, {
    comparable: true,
    rewrite: rewriteDockerfile(known, platform, {
      ...(image && { image }),
      ...(build.contexts && { contexts: build.contexts }),
    }),
    ...(build.inline !== undefined && { inline: build.inline }),
  })
  const onAbort = () => tar.destroy(signal.reason instanceof Error ? signal.reason : new Error('Aborted'))
  signal.addEventListener('abort', onAbort, { once: true })
  try {
    signal.throwIfAborted()
    const digest = createHash('sha256')
    const args = Object.entries(known)
      .map(([name, value]) => [name, argument(value)] as const)
      .sort(([a], [b]) => (a < b ? -1 : 1))
    const commit = hasGit ? await commitOf(join(folder, build.context), platform, signal) : ''
    const more = optionsOf(build)
    digest.update(
      JSON.stringify([RECIPE, engine, dockerfile, build.target ?? '', args, commit, ...(more ? [more] : [])]),
    )
    for await (const chunk of tar) digest.update(chunk as Buffer)
    for (const { name, folder: path } of build.contexts ?? []) {
      if (path !== undefined) digest.update(JSON.stringify([name, await folderDigest(folder, path, signal)]))
    }
    return digest.digest('hex').slice(0, 40)
  } finally {
    signal.removeEventListener('abort', onAbort)
    tar.destroy()
  }
}

async function folderDigest(folder: string, path: string, signal: AbortSignal): Promise<string> {
  const digest = createHash('sha256')
  const { tar } = await packContext(folder, path, '', { comparable: true, inline: '' })
  try {
    for await (const chunk of tar) {
      signal.throwIfAborted()
      digest.update(chunk as Buffer)
    }
    return digest.digest('hex')
  } finally {
    tar.destroy()
  }
}

/** What else changes an image; undefined where nothing of it is asked for. Secrets by name: BuildKit's cache does so. */
function optionsOf({
  labels,
  network,
  extraHosts,
  platform,
  shmSize,
  secrets,
  ssh,
  contexts,
}: NonNullable<Definition['build']>) {
  const options = { labels, network, extraHosts, platform, shmSize, secrets, ssh, contexts }
  return Object.values(options).some((value) => value !== undefined) ? options : undefined
}
async function commitOf(repository: string, platform: Platform, signal: AbortSignal): Promise<string> {
  // Left over where Berth was itself started by git, they would name another repository.
  const env = { ...platform.env, GIT_DIR: undefined, GIT_WORK_TREE: undefined }
  const { code, stdout } = await platform.processes.run('git', ['-C', repository, 'rev-parse', 'HEAD'], {
    env,
    signal,
  })
  return code === 0 ? stdout.trim() : ''
}
