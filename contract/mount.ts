import { z } from 'zod'

export const Mount = z.strictObject({
  type: z.enum(['bind', 'volume', 'tmpfs']),
  /** A path of the machine that runs the engine, or a volume's name; absent for tmpfs. */
  source: z.string().optional(),
  /** Absolute path inside the workspace. */
  target: z.string(),
  readOnly: z.boolean().optional(),
  /**
   * Of a volume with a name: it is the workspace's own, seen under this name by its services too, and goes when the
   * workspace goes. Otherwise the name is the target's, and the volume outlives the workspace.
   */
  ofWorkspace: z.boolean().optional(),
})
export type Mount = z.infer<typeof Mount>
