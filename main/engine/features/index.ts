export { type FeatureBuild, writeFeatureContext } from './build/context'
export { type BaseImage, baseArgument } from './build/dockerfile'
export { entryOf, type MetadataEntry, metadataLabel, parseMetadataLabel } from './image-metadata'
export { type FeatureLock, type LockedFeature, lockPath, readLock } from './lock'
export { type MergeContext, mergeMetadata } from './merge/index'
export type { FeatureMetadata } from './metadata'
export { type PrepareContext, prepareFeatures } from './prepare'
export type { Fetch } from './registry/bounded-fetch'
export type { Logins } from './registry/client'
export { deleteImage, imageDigest, listTags, readImage } from './registry/image'
export { readImageCommand, readImageLabel, registryClient } from './registry/image-label'
export {
  type FeatureReport,
  type ResolveContext,
  type ResolvedFeature,
  type ResolvedFeatures,
  resolveFeatures,
} from './resolve'
export { compareLock, lockEntries, lockText } from './write-lock'
