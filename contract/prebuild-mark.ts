import { z } from 'zod'

/** Names a prebuild on its target; the one of a repository, branch and definition keeps it when it is made anew. */
export const PrebuildId = z.string().regex(/^[0-9a-f]{12}$/)
export type PrebuildId = z.infer<typeof PrebuildId>

/** What a workspace says of the prebuild that it was made from. */
export const PrebuildMark = z.strictObject({
  id: PrebuildId,
  /** Milliseconds since the epoch. */
  madeAt: z.number(),
  commit: z.string(),
})
export type PrebuildMark = z.infer<typeof PrebuildMark>
