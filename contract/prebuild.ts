import { z } from 'zod'
import { ImageRepository, KubernetesOptions } from './kubernetes'
import { PrebuildId, PrebuildMark } from './prebuild-mark'
import { CreateInput } from './workspace'

/** Label of an image that is a prebuild: its {@link PrebuildRecord} as JSON. */
export const prebuildLabel = 'berth.dev/prebuild'

const Digest = z.string().regex(/^[0-9a-f]{64}$/)

/**
 * What an image says of itself that holds the state of a new workspace after its once-only commands. Of a definition
 * only digests, and nothing of whoever made it.
 */
export const PrebuildRecord = z.strictObject({
  version: z.literal(1),
  id: PrebuildId,
  /** Without credentials. */
  url: z.string(),
  /** Branch, tag or commit that was asked for; absent: the repository's own branch. */
  ref: z.string().optional(),
  /** What was chosen as it was asked for, so that it can be made anew. */
  definitionPath: z.string().optional(),
  otherImage: z.string().optional(),
  /** Whole. */
  commit: z.string().regex(/^[0-9a-f]{40,64}$/),
  /** Milliseconds since the epoch. */
  madeAt: z.number(),
  /** `linux/amd64`. */
  platform: z.string(),
  /** Of each field of the definition that has a part in it, by the field's name. */
  fields: z.record(z.string(), Digest),
  /**
   * The images that it stands on, as they were, with their content ids: those of the engine that has it, or, of one in a
   * registry, the digests that their registries had for them.
   */
  bases: z.array(z.strictObject({ reference: z.string(), id: z.string() })),
})
export type PrebuildRecord = z.infer<typeof PrebuildRecord>

/** A prebuild as it is listed. */
export const Prebuild = z.strictObject({
  ...PrebuildMark.shape,
  targetId: z.string(),
  url: z.string(),
  ref: z.string().optional(),
  /** As in its record. */
  definitionPath: z.string().optional(),
  otherImage: z.string().optional(),
  /** The image's name on the target, or in the registry. */
  image: z.string(),
  /** Bytes, with what it shares with other images; in a registry they are compressed. */
  size: z.number(),
})
export type Prebuild = z.infer<typeof Prebuild>

/** What a prebuild is to be made of. */
export const PrebuildInput = CreateInput.pick({
  targetId: true,
  source: true,
  image: true,
  definitionPath: true,
}).extend({
  /** For a cluster only: who makes it, and where it is pushed to; field by field before the settings. */
  build: KubernetesOptions.shape.build,
  /** Also where there is one already that fits. */
  force: z.boolean().default(false),
})
export type PrebuildInput = z.infer<typeof PrebuildInput>

/** Where to look for prebuilds. */
export const PrebuildPlaceInput = z.strictObject({
  targetId: z.string().optional(),
  /** For a cluster only: the repository of a registry that has them; absent: that of the settings. */
  pushTo: ImageRepository.optional(),
})
export type PrebuildPlaceInput = z.infer<typeof PrebuildPlaceInput>

/** What looking for a prebuild came to. */
export const PrebuildFinding = z.strictObject({
  /** The one that is used; absent: none is. */
  prebuild: PrebuildMark.optional(),
  /** It has the very commit that is wanted. */
  isSameCommit: z.boolean(),
  /** One line for people: which one, or why none. */
  text: z.string(),
})
export type PrebuildFinding = z.infer<typeof PrebuildFinding>
