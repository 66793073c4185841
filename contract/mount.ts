import { z } from 'zod'

export const Mount = z.strictObject({
  type: z.enum(['bind', 'volume', 'tmpfs']),
  /** A path of the machine that runs the engine, or a volume's name; absent for tmpfs. */
  source: z.string().optional(),
  /** Absolute path inside the workspace. */
  target: z.string(),
  readOnly: z.boolean().optional(),
})
export type Mount = z.infer<typeof Mount>
