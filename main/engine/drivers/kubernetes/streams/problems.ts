import { type Problem, ProblemError, problem } from '#contract'
import type { ApiClient } from '../api'

/** What an API server answered with a status of 400 and above, in the form that `ApiError` has. */
export interface Refusal {
  readonly status: number
  readonly reason: string
  readonly message: string
}

/** The refusal in an error; undefined for what is no answer of the API server. */
export function refusalOf(error: unknown): Refusal | undefined {
  if (!(error instanceof Error) || error instanceof ProblemError) return undefined
  const { status, reason } = error as { status?: unknown; reason?: unknown }
  if (typeof status !== 'number') return undefined
  return { status, reason: typeof reason === 'string' ? reason : '', message: error.message }
}

/** What API servers and kubelets of all versions say of a pod whose container does not run. */
const NOT_RUNNING =
  /container not found|container .*(not running|is not available|is waiting to start)|pod .*not running|completed pod|does not have a host assigned|not scheduled/i

/** The Problem of a call for a pod's container: that it does not run is said so, whatever status it comes with. */
export function podFailure(client: ApiClient, error: unknown, title: string, signal?: AbortSignal): Error {
  const refusal = signal?.aborted ? undefined : refusalOf(error)
  const missing = refusal?.status === 404 && refusal.reason === 'NotFound'
  if (!refusal || !(missing || NOT_RUNNING.test(refusal.message))) return client.failure(error, title, signal)
  return problem({
    code: 'workspace-not-running',
    title,
    cause: 'The workspace is not running.',
    remedy: 'Start the workspace.',
    detail: refusal.message,
  })
}

/** The Problem of a stream that ended before its time. */
export function connectionLost(targetName: string, detail?: string): Problem {
  return {
    code: 'connection-lost',
    title: `The connection to "${targetName}" was lost`,
    cause: 'The API server, the node, or the network on the way to them ended the connection.',
    remedy: 'Try again once the target is reachable.',
    ...(detail ? { detail } : {}),
  }
}

/** The Problem of a process that Berth itself gave up. */
export function givenUp(): Problem {
  return {
    code: 'cancelled',
    title: 'The process was given up',
    cause: 'Berth closed the connection to it.',
    remedy: '',
  }
}

export function portRefused(port: number, detail?: string): ProblemError {
  return problem({
    code: 'port-refused',
    title: `Nothing listens on port ${port}`,
    cause: `The workspace refused a connection to localhost:${port}.`,
    remedy: 'Start the app in the workspace, or check which port it uses.',
    ...(detail ? { detail } : {}),
  })
}

/** A connection into a pod that was cut: has Node's code too, for those who look for that. */
export function connectionReset(targetName: string, detail?: string): ProblemError & { code: string } {
  return Object.assign(new ProblemError(connectionLost(targetName, detail)), { code: 'ECONNRESET' })
}
