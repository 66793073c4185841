import { z } from 'zod'
import { WorkspaceId } from './workspace'

/**
 * Scheme, host and port of a git server, as git gives them to its credential helpers: `https://git.example:8443`. Without
 * anything that could be taken for another host, or steer a terminal.
 */
export const GitOrigin = z
  .string()
  .max(300)
  .regex(
    /^https?:\/\/(?:[a-z0-9](?:[a-z0-9._-]{0,251}[a-z0-9])?|\[[0-9a-f:.]{2,45}\])(?::[1-9]\d{0,4})?$/,
    'Give scheme and host, such as https://github.com.',
  )
export type GitOrigin = z.infer<typeof GitOrigin>

/** What of this machine's a workspace may be given: what git knows for one server, or signatures of the SSH agent or of gpg. */
export const Credential = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('git'), origin: GitOrigin }),
  z.strictObject({ kind: z.literal('ssh') }),
  z.strictObject({ kind: z.literal('gpg') }),
])
export type Credential = z.infer<typeof Credential>

/** A question that waits for the user: something in a workspace wants a credential. */
export const Consent = z.strictObject({
  id: z.string(),
  workspaceId: WorkspaceId,
  credential: Credential,
  /** Whose password is wanted, where git says so; or whose key, for gpg. */
  username: z.string().max(256).optional(),
  /** The program that asks, by what the workspace says; either may be empty, and neither has to be true. */
  process: z.string().max(64),
  command: z.string().max(300),
  askedAt: z.number(),
  /** Unanswered until then, it is denied. */
  expiresAt: z.number(),
})
export type Consent = z.infer<typeof Consent>

/** What a workspace is given without a question. */
export const Grant = z.strictObject({
  /** The workspace's. */
  id: WorkspaceId,
  /** A workspace of the same id on another target is another one. */
  targetId: z.string(),
  git: z.array(GitOrigin).max(1000),
  ssh: z.boolean(),
  gpg: z.boolean().default(false),
})
export type Grant = z.infer<typeof Grant>
