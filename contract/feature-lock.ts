import { z } from 'zod'

/** What a lock file says of a Feature, and what it would say if it were written now. */
export const LockComparison = z.strictObject({
  /** As the definition, or the Feature that needs it, names it. */
  reference: z.string(),
  /** The version in the lock file; `null` where it does not name the Feature. Empty where the Feature has none. */
  locked: z.string().nullable(),
  /** The version that it leads to now; `null` where nothing asks for it any more. */
  found: z.string().nullable(),
  /** Whether both are the same, to the byte. */
  isSame: z.boolean(),
})
export type LockComparison = z.infer<typeof LockComparison>

export const featureRequests = {
  /**
   * Resolves the Features of a devcontainer.json in a folder of this machine anew, whatever its lock file says, and
   * writes that lock file where `write` is true and something in it changes. Rejects with `not-found` where the folder
   * has no devcontainer.json, and as a definition's reading and its Features' fetching do.
   */
  'features.lock': {
    input: z.strictObject({
      folder: z.string().min(1).max(4096),
      /** Where the folder has several definitions; relative to it. */
      definitionPath: z.string().max(4096).optional(),
      write: z.boolean(),
    }),
    output: z.strictObject({
      /** Of the lock file, relative to the folder. */
      path: z.string(),
      /** What is in it, or would be. */
      text: z.string(),
      written: z.boolean(),
      /** Whether there is one that says the same by now. */
      isCurrent: z.boolean(),
      features: z.array(LockComparison),
    }),
  },
} as const
