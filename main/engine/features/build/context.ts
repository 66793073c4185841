import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { NotApplied } from '#contract'
import { entryOf, type MetadataEntry } from '../image-metadata'
import type { ResolvedFeature } from '../resolve'
import { type BaseImage, featureDockerfile, folderOf } from './dockerfile'

/** A build that installs Features on top of an image. */
export interface FeatureBuild {
  /** Path of the Dockerfile, relative to the folder, which is the build context. */
  readonly dockerfile: string
  /** Build arguments besides `base`: those that name this machine's environment are as written. */
  readonly args: Readonly<Record<string, string>>
  /** What the label `devcontainer.metadata` of the image says then, for `mergeMetadata`. */
  readonly metadata: readonly MetadataEntry[]
  readonly notApplied: readonly NotApplied[]
}

/**
 * Writes the build context that installs Features, in their order, into an empty folder. The image on top of which it
 * builds is the build argument `base`. Rejects with the system's error.
 */
export async function writeFeatureContext(
  features: readonly ResolvedFeature[],
  folder: string,
  base: BaseImage,
): Promise<FeatureBuild> {
  const metadata = [...(base.metadata ?? []), ...features.map(entryOf)]
  const { text, args, files, notApplied } = featureDockerfile(features, base, metadata)
  for (const [index, feature] of features.entries()) {
    for (const [path, content] of feature.files) {
      await write(join(folder, folderOf(feature, index), path), content)
    }
  }
  // After the Feature's own: what has one of these names there is ours.
  for (const [path, content] of files) await write(join(folder, path), content)
  await write(join(folder, dockerfile), text)
  return { dockerfile, args, metadata, notApplied }
}

const dockerfile = 'Dockerfile'

async function write(path: string, content: string | Uint8Array): Promise<void> {
  await mkdir(dirname(path), { recursive: true })
  // The same mode for all: the builder looks at it when it decides whether it has the layer already.
  await writeFile(path, content, { mode: 0o755 })
}
