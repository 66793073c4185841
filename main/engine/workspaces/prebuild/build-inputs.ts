import { readFile } from 'node:fs/promises'
import { join, posix } from 'node:path'
import type { ImageBuild } from '#contract'
import { isContext } from '../../drivers/shared/dockerfile-images'
import { contextFilesOf, imagesOf } from '../../drivers/shared/dockerfile-inputs'
import { aliasOf } from '../../platform/image-aliases'
import type { Platform } from '../../platform/platform'
import { substituteEnvironment } from '../../platform/variables'

export interface BuildInputs {
  /** The images that it starts from or copies from, as they are got here. */
  readonly images: readonly string[]
  /** Files and folders of the repository, relative to its root; the empty one is the root itself. */
  readonly files: readonly string[]
}

/** What a build is made of, as its Dockerfile says. `folder`: the repository's root on this machine. */
export async function buildInputs(
  build: ImageBuild,
  folder: string,
  { env, settings }: Pick<Platform, 'env' | 'settings'>,
): Promise<BuildInputs> {
  const text = await readFile(join(folder, build.dockerfile), 'latin1').catch(() => '')
  const aliases = settings.get().imageAliases
  const args = Object.fromEntries(
    Object.entries(build.args).map(([name, value]) => [name, substituteEnvironment(value, { local: env })]),
  )
  const inContext = (path: string) => posix.join(build.context, path).replace(/^\.$|^\.\/|\/$/g, '')
  const ignores = [inContext('.dockerignore'), `${posix.normalize(build.dockerfile)}.dockerignore`]
  const { contexts = [] } = build
  const folders = contexts.flatMap(({ folder: path }) => (path === '.' ? '' : (path ?? [])))
  const named = contexts.flatMap(({ image }) => image ?? [])
  const own = imagesOf(text, args).filter((image) => !contexts.some(({ name }) => isContext(image, name)))
  return {
    images: [...own, ...named].map((image) => aliasOf(image, aliases)?.image ?? image),
    files: [
      posix.normalize(build.dockerfile),
      ...ignores,
      ...contextFilesOf(text).map(inContext),
      ...folders,
    ],
  }
}
