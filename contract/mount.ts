import { z } from 'zod'

export const Mount = z.strictObject({
  type: z.enum(['bind', 'volume', 'tmpfs']),
  /**
   * A path of the machine that runs the engine, or a volume's name. Of tmpfs the name under which other containers of the
   * workspace see the same; absent: nobody else does.
   */
  source: z.string().optional(),
  /** Absolute path inside the workspace. */
  target: z.string(),
  readOnly: z.boolean().optional(),
  /** In bytes: of tmpfs how much it may hold at most, of a volume how much it is said to need. */
  size: z.number().int().positive().optional(),
  /**
   * Of a volume with a name: it is the workspace's own, seen under this name by its services too, and goes when the
   * workspace goes. Otherwise the name is the target's, and the volume outlives the workspace.
   */
  ofWorkspace: z.boolean().optional(),
  /** Of a bind: it is the git repository of a source that is a worktree of it. No file can say this. */
  ofSource: z.literal(true).optional(),
})
export type Mount = z.infer<typeof Mount>

/** A file or folder of the source at a place of its own inside the workspace or a service. */
export const SourceMount = z.strictObject({
  /** Relative to the repository's root, with `/`; `.` is the root itself. It need not exist: it is an empty folder then. */
  path: z.string(),
  /** Absolute path inside the container. */
  target: z.string(),
  readOnly: z.boolean().optional(),
})
export type SourceMount = z.infer<typeof SourceMount>
