import { buildRepositoryKey, type ImageBuild } from '#contract'
import type { ImageRequest } from '../../driver'

/** The root that the paths of a build are relative to; undefined where it is not on this machine. */
export function buildFolder(
  { repository }: Pick<ImageBuild, 'repository'>,
  { folder, repositories }: Pick<ImageRequest, 'folder' | 'repositories'>,
): string | undefined {
  return repository ? repositories?.[buildRepositoryKey(repository)] : folder
}
