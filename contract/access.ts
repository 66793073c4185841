import { z } from 'zod'

/** How the OpenSSH client of this machine is told of workspaces. */
export const SshConfigStatus = z.strictObject({
  /** Whether the line is in effect: `ssh <workspace>.berth` works. */
  isInstalled: z.boolean(),
  /** The user's own configuration. */
  file: z.string(),
  /** The one line that is put into it. */
  line: z.string(),
})
export type SshConfigStatus = z.infer<typeof SshConfigStatus>
