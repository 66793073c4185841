import { z } from 'zod'

/** Why something is proposed. */
export const ProposalReason = z.strictObject({
  /** Of the definition: `image`, `forwardPorts`, `services.postgres`. */
  field: z.string(),
  /** What is proposed, in a few words for people: `Node 22`, `npm ci`, `port 5173`. */
  what: z.string(),
  /** Path of the file that says so, relative to the repository's root. */
  because: z.string(),
  /** In that file, from 1. */
  line: z.number().int().positive().optional(),
})
export type ProposalReason = z.infer<typeof ProposalReason>

/** A definition for a source that has none, guessed from its files. Never used unasked. */
export const Proposal = z.strictObject({
  /** A devcontainer.json, with the reasons as comments. */
  text: z.string(),
  reasons: z.array(ProposalReason),
})
export type Proposal = z.infer<typeof Proposal>
