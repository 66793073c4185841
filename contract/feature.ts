import { z } from 'zod'

/** A dev container Feature that a definition asks for (containers.dev, "Features"). */
export const FeatureRequest = z.strictObject({
  /**
   * As the file names it, a path already resolved: a reference `host/path[:tag][@digest]` of an OCI registry, the
   * `https://` address of a tarball, or `./path` of a folder, relative to the repository's root.
   */
  reference: z.string(),
  /** Values stay as written where they name this machine's environment. */
  options: z.record(z.string(), z.union([z.string(), z.boolean()])),
})
export type FeatureRequest = z.infer<typeof FeatureRequest>
