import { z } from 'zod'

/**
 * Something to run in a terminal of its own. An automatic one begins with the workspace: the first time `before`,
 * `init` and `command` one after the other, each only when the one before it succeeded; later without `init`
 * (.gitpod.yml, "tasks"). Any other one runs when somebody asks for it (devfile, "commands").
 */
export const Task = z.strictObject({
  /** Unique within the definition. */
  name: z.string(),
  /** What people are shown; absent: its name. */
  label: z.string().optional(),
  automatic: z.boolean(),
  /** Objects of the definition, by their digests, that are put into the cluster before its lines run (devfile, "apply"). */
  objects: z.array(z.string()).optional(),
  /** Shell lines. */
  before: z.string().optional(),
  init: z.string().optional(),
  command: z.string().optional(),
  /** The service in whose container it runs; absent: the workspace's own. */
  service: z.string().optional(),
  /** Absolute path inside the workspace; absent: the workspace folder, or of a service its own. */
  workingFolder: z.string().optional(),
  env: z.record(z.string(), z.string()),
  /** Where its terminal opens: in a tab beside that of the task before it, or in the same tab, on that side of it. */
  openMode: z
    .enum(['tab-after', 'tab-before', 'split-left', 'split-right', 'split-top', 'split-bottom'])
    .optional(),
  /** What it is for (devfile, "command group"). */
  group: z.enum(['build', 'run', 'test', 'debug', 'deploy']).optional(),
  /** The one of its group that is meant where none is named. */
  isDefault: z.boolean().optional(),
})
export type Task = z.infer<typeof Task>
