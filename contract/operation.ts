import { z } from 'zod'
import { Problem } from './problem'
import { CreateInput } from './workspace'

export const StepState = z.enum(['pending', 'running', 'done', 'failed', 'skipped', 'cancelled'])
export type StepState = z.infer<typeof StepState>

export const Progress = z.strictObject({
  current: z.number(),
  /** Absent while the end is not known. */
  total: z.number().optional(),
  unit: z.enum(['bytes', 'percent', 'count']),
})
export type Progress = z.infer<typeof Progress>

export const Step = z.strictObject({
  /** Unique within its operation: `definition`, `clone`, `image`, `create`, `start`, `postCreateCommand`… */
  id: z.string(),
  title: z.string(),
  state: StepState,
  /** One line: while it runs, what it is waiting for or doing; afterwards, where it failed or what came of it. */
  detail: z.string().optional(),
  progress: Progress.optional(),
  startedAt: z.number().optional(),
  endedAt: z.number().optional(),
})
export type Step = z.infer<typeof Step>

export const OperationKind = z.enum([
  'create',
  'start',
  'stop',
  'restart',
  'rebuild',
  'rename',
  'grow',
  'snapshot',
  'restore',
  'delete',
  /** Of no workspace: its id is that of the work alone. */
  'prebuild',
])
export type OperationKind = z.infer<typeof OperationKind>

/** One lifecycle action under way, or the memory of one that ended. */
export const Operation = z.strictObject({
  id: z.string(),
  kind: OperationKind,
  workspaceId: z.string(),
  workspaceName: z.string(),
  targetId: z.string(),
  state: z.enum(['running', 'succeeded', 'failed', 'cancelled']),
  /** Cancel was asked for and the operation is cleaning up. */
  cancelling: z.boolean(),
  steps: z.array(Step),
  problem: Problem.optional(),
  /** What a `create` was asked for, without credentials, so that it can be asked again. */
  asked: CreateInput.optional(),
  startedAt: z.number(),
  endedAt: z.number().optional(),
})
export type Operation = z.infer<typeof Operation>

/** A line (or part of one, as it came) that a step printed. */
export const OperationOutput = z.strictObject({
  stepId: z.string(),
  /** How many characters the step had printed before: joins the answer about what was printed to what comes. */
  offset: z.number().int().min(0),
  text: z.string(),
})
export type OperationOutput = z.infer<typeof OperationOutput>
