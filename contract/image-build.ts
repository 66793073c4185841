import { z } from 'zod'

/** How an image is built of files of the repository. */
export const ImageBuild = z.strictObject({
  /** Path of the Dockerfile, relative to the repository's root. */
  dockerfile: z.string(),
  /** Build context, relative to the repository's root; `.` is the root itself. */
  context: z.string(),
  args: z.record(z.string(), z.string()),
  target: z.string().optional(),
  cacheFrom: z.array(z.string()).optional(),
})
export type ImageBuild = z.infer<typeof ImageBuild>
