import { z } from 'zod'

/**
 * Every way Berth can fail, as stable names. Codes are part of the command line's JSON output:
 * add freely, never rename.
 */
export const problemCodes = [
  // Requests
  'invalid-input',
  'not-found',
  'name-taken',
  'busy',
  'cancelled',
  'interrupted',
  'unsupported',
  'internal',
  // Targets
  'target-unreachable',
  'target-too-old',
  'target-forbidden',
  'target-misconfigured',
  'tls-failed',
  'ssh-failed',
  'ssh-host-key',
  'credentials-failed',
  'credentials-expired',
  'namespace-missing',
  'quota-exceeded',
  'limit-range',
  'unschedulable',
  'node-lost',
  'storage-class-missing',
  'volume-pending',
  'volume-failed',
  'secret-missing',
  'admission-denied',
  'field-conflict',
  // Images
  'image-not-found',
  'image-platform',
  'registry-unreachable',
  'registry-auth',
  'build-failed',
  'no-shell',
  'service-failed',
  'service-not-running',
  'user-not-found',
  'disk-full',
  // Sources
  'git-missing',
  'git-auth',
  'git-not-found',
  'git-ref-not-found',
  'git-unreachable',
  'git-failed',
  'archive-failed',
  'folder-not-found',
  // Definitions
  'definition-invalid',
  'definition-unsupported',
  // Team policies
  'policy-refused',
  'policy-unreadable',
  // Features
  'feature-not-found',
  'feature-invalid',
  // Workspaces
  'create-failed',
  'lifecycle-failed',
  'workspace-not-running',
  'workspace-exited',
  'workspace-gone',
  'stop-failed',
  // Streams
  'exec-failed',
  'command-not-found',
  'connection-lost',
  'dial-unsupported',
  'agent-unavailable',
  'port-refused',
  'port-busy',
  'file-not-found',
  'permission-denied',
  'file-failed',
  'file-exists',
  // The app
  'engine-crashed',
  'settings-invalid',
  'keychain-unavailable',
] as const

export const ProblemCode = z.enum(problemCodes)
export type ProblemCode = z.infer<typeof ProblemCode>

/** A remedy that the app can carry out itself; the window shows it as a button. */
export const ProblemAction = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('retry'), label: z.string() }),
  z.strictObject({ kind: z.literal('open-url'), label: z.string(), url: z.string() }),
  z.strictObject({ kind: z.literal('copy'), label: z.string(), text: z.string() }),
  z.strictObject({
    kind: z.literal('workspace'),
    label: z.string(),
    /** `force-stop`: `workspaces.stop` with `force`. */
    verb: z.enum(['start', 'stop', 'force-stop', 'restart', 'rebuild', 'delete']),
    workspaceId: z.string(),
  }),
  /** Opens the settings. */
  z.strictObject({ kind: z.literal('settings'), label: z.string() }),
  z.strictObject({ kind: z.literal('probe'), label: z.string(), targetId: z.string() }),
])
export type ProblemAction = z.infer<typeof ProblemAction>

/**
 * A failure as a person meets it. `title` says what failed in one line, `cause` why, `remedy` what to
 * do next (empty only for what the user cancelled), `detail` the raw words of whatever failed underneath.
 * None of them may hold a secret.
 */
export const Problem = z.strictObject({
  code: ProblemCode,
  title: z.string(),
  cause: z.string(),
  remedy: z.string(),
  detail: z.string().optional(),
  actions: z.array(ProblemAction).optional(),
})
export type Problem = z.infer<typeof Problem>

/** A Problem on its way up the call stack. */
export class ProblemError extends Error {
  readonly problem: Problem

  constructor(problem: Problem, options?: { cause?: unknown }) {
    super(`${problem.title}: ${problem.cause}`, options)
    this.name = 'ProblemError'
    this.problem = problem
  }
}

/** Short form for `throw problem({...})`. */
export function problem(fields: Problem, cause?: unknown): ProblemError {
  return new ProblemError(fields, cause === undefined ? {} : { cause })
}

/** The Problem that says that the user, or the owner of the work, cancelled it. */
export function cancelled(what = 'The action'): ProblemError {
  return problem({
    code: 'cancelled',
    title: `${what} was cancelled`,
    cause: 'It was cancelled.',
    remedy: '',
  })
}

/** Turns whatever was thrown into a Problem; what is not one already becomes `internal`, with its stack as detail. */
export function toProblem(thrown: unknown, title = 'Something in Berth broke'): Problem {
  if (thrown instanceof ProblemError) return thrown.problem
  if (thrown instanceof Error && thrown.name === 'AbortError') return cancelled().problem
  const error = thrown instanceof Error ? thrown : new Error(String(thrown))
  return {
    code: 'internal',
    title,
    cause: error.message,
    remedy: 'This is a defect in Berth. Please report it with the detail below.',
    detail: error.stack ?? error.message,
  }
}
