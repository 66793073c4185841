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

export const openerIds = [
  'vscode',
  'cursor',
  'windsurf',
  'zed',
  'gateway',
  'terminal',
  'files',
  'browser',
] as const
export const OpenerId = z.enum(openerIds)
export type OpenerId = z.infer<typeof OpenerId>

/** A program of this machine in which a workspace can be opened. */
export const Opener = z.strictObject({
  id: OpenerId,
  /** As its makers call it. */
  name: z.string(),
  /** It reaches workspaces by what OpenSSH is told of them: see {@link SshConfigStatus}. */
  needsSshConfig: z.boolean(),
})
export type Opener = z.infer<typeof Opener>

/** What is left to do for who opened a workspace in something. */
export const Opened = z.strictObject({
  /** An address for the browser. */
  url: z.string().optional(),
  /** What to do there, in a sentence. */
  hint: z.string().optional(),
})
export type Opened = z.infer<typeof Opened>
