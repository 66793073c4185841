import { type BuildContext, type ImageBuild, type ProblemError, problem } from '#contract'
import { packContext, packFolderOnly } from '../../shared/build/context'
import type { NamedContext } from '../../shared/build/dockerfile-aliases'
import { compareVersions, type EngineClient, type RequestOptions } from '../client'
import { builtRepository, nonce } from '../container/anatomy'
import { QUICK } from '../container/locate'
import { EngineError } from '../problems'
import type { Builder } from './buildkit/detect'

/** The first API whose BuildKit reads `ADD` with a git repository (Docker 25). */
const FIRST_WITH_GIT = '1.44'
/** What BuildKit takes for a repository, and not for a file (moby/buildkit, util/gitutil). */
const gitForm = /^(?:git:\/\/|ssh:\/\/|git@|github\.com\/)|^https?:\/\/[^#?]*\.git(?:[#?]|$)/i

export interface ContextBuild {
  readonly client: EngineClient
  readonly build: ImageBuild
  /** The repository's root on this machine. */
  readonly folder: string
  readonly workspaceId: string
  readonly builder: Builder
  /** Makes an image, with what the caller's builds have in common. */
  readonly make: (options: RequestOptions, tag: string) => Promise<void>
  readonly detail: (text: string) => void
}

/** The contexts as images, until `dispose`, which never rejects. */
export interface MadeContexts {
  readonly contexts: readonly NamedContext[]
  dispose(): Promise<void>
}

/**
 * An engine takes no contexts of other names than its own over its API: a folder or an address becomes an image of
 * nothing but its files, which the Dockerfile is given in place of the name, for as long as the build takes. So every
 * engine and both of its builders know them. Rejects with a Problem.
 */
export async function makeContexts(from: ContextBuild, signal: AbortSignal): Promise<MadeContexts> {
  const { client, build, workspaceId, detail } = from
  const tags: string[] = []
  const contexts: NamedContext[] = []
  const dispose = async () => {
    for (const tag of tags)
      await client.json('DELETE', `/images/${tag}`, { timeout: QUICK }).catch(() => undefined)
  }
  try {
    for (const context of build.contexts ?? []) {
      if (context.image !== undefined) {
        contexts.push({ name: context.name, image: context.image })
        continue
      }
      detail(`Sending the context "${context.name}"`)
      const tag = `${builtRepository(workspaceId)}:context-${nonce()}`
      tags.push(tag)
      await makeOne(from, context, tag, signal)
      contexts.push({ name: context.name, image: tag, isMade: true })
    }
  } catch (error) {
    await dispose()
    throw error
  }
  return { contexts, dispose }
}

async function makeOne(from: ContextBuild, context: BuildContext, tag: string, signal: AbortSignal) {
  const { folder, build, make } = from
  const { name, url } = context
  if (url !== undefined) await mustKnow(from, context, signal)
  const { tar, dockerfile } =
    url === undefined
      ? await packFolderOnly(folder, context.folder ?? '.')
      : await packNothing(folder, build.context, url)
  try {
    await make({ query: { t: tag, dockerfile }, body: tar, signal }, tag)
  } catch (error) {
    if (!(error instanceof EngineError) || signal.aborted) throw error
    throw failed(
      name,
      `${url ?? context.folder} could not be read: ${error.message.split('\n', 1)[0]}`,
      error,
    )
  }
}

/** A context with one file that no name leads to, for an image of what an address has. */
function packNothing(folder: string, context: string, url: string) {
  return packContext(folder, context, '', {
    inline: `FROM scratch\nADD ${JSON.stringify([url, '/'])}\n`,
    onlyDockerfile: true,
  })
}

/** An older builder would add the page that a repository's address shows. */
async function mustKnow(
  { client, builder }: ContextBuild,
  { name, url = '' }: BuildContext,
  signal: AbortSignal,
) {
  if (!gitForm.test(url)) return
  const isKnown =
    builder === 'buildkit' && compareVersions(await client.apiVersion(signal), FIRST_WITH_GIT) >= 0
  if (isKnown) return
  throw problem({
    code: 'definition-unsupported',
    title: 'The image could not be built',
    cause: `The context "${name}" is the git repository ${url}, and "${client.identity.targetName}" fetches none: that takes Docker 25 or newer, with BuildKit.`,
    remedy: 'Update Docker, or put the files into the repository and name their folder.',
  })
}

function failed(name: string, cause: string, error: EngineError): ProblemError {
  return problem(
    {
      code: 'build-failed',
      title: `The context "${name}" of the build could not be made`,
      cause,
      remedy: 'Correct the build section of the definition.',
      detail: error.message,
    },
    error,
  )
}
