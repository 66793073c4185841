import { z } from 'zod'
import { SessionId, SplitTab } from './panes'
import { Problem } from './problem'
import { WorkspaceId } from './workspace'

export const SessionEnd = z.strictObject({
  reason: z.enum(['exited', 'killed', 'workspace-stopped', 'connection-lost', 'failed', 'closed']),
  /** Exit status where the process had one. */
  exitCode: z.number().int().optional(),
  /** One sentence for the pane. */
  message: z.string(),
  problem: Problem.optional(),
})
export type SessionEnd = z.infer<typeof SessionEnd>

/** Columns or rows. */
export const TerminalSize = z.number().int().min(1).max(2000)

/** One terminal. It belongs to the engine; windows attach to it. */
export const Session = z.strictObject({
  id: z.string(),
  workspaceId: z.string(),
  /** What the user called it, else what the program set (OSC 0/2), else the shell's name. */
  title: z.string(),
  /**
   * In whose container it runs, with that one's shell; absent: in the workspace's own. Nothing in a service keeps it, so
   * that it ends with the engine that it belongs to, and with the connection to it.
   */
  service: z.string().optional(),
  /** Null: the user's login shell. */
  command: z.array(z.string()).nullable(),
  /** `reconnecting`: it goes on in the workspace, and the way to it is being made again. */
  state: z.enum(['starting', 'running', 'reconnecting', 'ended']),
  /** More was typed than is kept until the process can be reached; the rest of it is lost. */
  isInputDropped: z.boolean().optional(),
  end: SessionEnd.optional(),
  columns: z.number().int(),
  rows: z.number().int(),
  createdAt: z.number(),
})
export type Session = z.infer<typeof Session>

/** How the windows of this machine have the terminals of a workspace, as the user put them. */
export const TabArrangement = z.strictObject({
  /** The workspace's. */
  id: WorkspaceId,
  /** The session whose tab is in front. */
  front: SessionId.optional(),
  /** Session ids from left to right; of those that are not named the oldest comes first, after all that are. */
  order: z.array(SessionId).max(1000),
  /** What the tabs hold that have more than one; a tab is where the first of its sessions is in `order`. */
  splits: z.array(SplitTab).max(500).optional(),
})
export type TabArrangement = z.infer<typeof TabArrangement>
