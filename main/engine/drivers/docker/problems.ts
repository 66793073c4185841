import { cancelled, type Problem, ProblemError, problem } from '#contract'
import { diskFull, firstLine } from '../shared/build/words'
import { SshError } from './connection/ssh-socket'

/** What the engine answered with a status of 400 and above. */
export class EngineError extends Error {
  readonly status: number

  constructor(status: number, message: string) {
    super(message)
    this.name = 'EngineError'
    this.status = status
  }
}

/** What was being sent to the engine broke off: the engine has nothing to do with it. */
export class BodyError extends Error {
  constructor(cause: Error) {
    super(cause.message, { cause })
    this.name = 'BodyError'
  }
}

export function isStatus(error: unknown, ...statuses: number[]): error is EngineError {
  return error instanceof EngineError && statuses.includes(error.status)
}

export interface FailureContext {
  /** What was being done, as a title: `Starting the workspace failed`. */
  readonly title: string
  readonly targetName: string
  readonly endpoint: string
  readonly signal?: AbortSignal
}

const connectionLostCodes = new Set([
  'ECONNRESET',
  'EPIPE',
  'ERR_STREAM_PREMATURE_CLOSE',
  'ERR_STREAM_DESTROYED',
])

/** Whether the engine itself could not be reached or was lost, as against an answer that says no. */
export function isConnectionFailure(error: unknown): boolean {
  if (error instanceof ProblemError) {
    return /^(target-|tls-|ssh-|connection-lost)/.test(error.problem.code)
  }
  return !(error instanceof EngineError)
}

/** Turns whatever a request to the engine threw into a Problem with a remedy. */
export function toEngineProblem(error: unknown, context: FailureContext): ProblemError {
  if (error instanceof ProblemError) return error
  if (context.signal?.aborted || (error instanceof Error && error.name === 'AbortError')) return cancelled()
  if (error instanceof EngineError) return new ProblemError(answerProblem(error, context), { cause: error })
  if (error instanceof BodyError) return bodyProblem(error, context)
  if (error instanceof SshError) return new ProblemError(sshProblem(error, context), { cause: error })
  return new ProblemError(connectionProblem(error, context), { cause: error })
}

/** Whether the engine says that its disk is full; {@link EngineClient.failure} tells it then. */
export function isDiskFull(error: unknown): boolean {
  return error instanceof EngineError && /no space left on device/i.test(error.message)
}

/**
 * Whether the engine says that something was still at work in the files that it was to remove, a copy for instance: it
 * ends, and then they go.
 */
export function isAtWork(error: unknown): boolean {
  return (
    error instanceof EngineError &&
    /failed to remove root filesystem|unable to remove filesystem/i.test(error.message)
  )
}

function answerProblem(error: EngineError, { title, targetName, endpoint }: FailureContext): Problem {
  const detail = error.message
  if (/no space left on device/i.test(detail)) return diskFull(title, targetName, detail)
  if (error.status === 401 || error.status === 403) {
    return {
      code: 'target-forbidden',
      title,
      cause: `The engine "${targetName}" at ${endpoint} refuses this to you (status ${error.status}).`,
      remedy: 'Ask whoever runs the engine for access, or choose another target.',
      detail,
    }
  }
  if (error.status === 404 && /no such (container|exec)/i.test(detail)) {
    return {
      code: 'workspace-gone',
      title,
      cause: 'Its container is not there any more.',
      remedy: 'Rebuild the workspace: its source and home folders are kept.',
      detail,
    }
  }
  if (error.status === 409 && /is not running|is paused|is restarting/i.test(detail)) {
    return {
      code: 'workspace-not-running',
      title,
      cause: /paused/i.test(detail) ? 'Its container is paused.' : 'The workspace is not running.',
      remedy: 'Start the workspace.',
      detail,
    }
  }
  return {
    code: 'create-failed',
    title,
    cause: `Docker answered: ${firstLine(detail)}`,
    remedy: 'Try again; the log of the Docker engine says more.',
    detail,
  }
}

function bodyProblem(error: BodyError, { title }: FailureContext): ProblemError {
  if (error.cause instanceof ProblemError) return error.cause
  return problem(
    {
      code: 'connection-lost',
      title,
      cause: 'What was being sent broke off before its end.',
      remedy: 'Try again.',
      detail: error.message,
    },
    error,
  )
}

function sshProblem(error: SshError, { targetName, endpoint }: FailureContext): Problem {
  const detail = error.stderr
  if (
    /host key verification failed|remote host identification has changed|host key.*(not|is) known/i.test(
      detail,
    )
  ) {
    return {
      code: 'ssh-host-key',
      title: `The host of "${targetName}" is not trusted`,
      cause: /changed/i.test(detail)
        ? 'The host shows another key than the one that ~/.ssh/known_hosts has for it.'
        : 'Its host key is not in ~/.ssh/known_hosts.',
      remedy: `Connect once with "${sshCommand(endpoint)}" in a terminal, compare the key with what you were told, and accept it.`,
      detail,
      actions: [{ kind: 'copy', label: 'Copy the command', text: sshCommand(endpoint) }],
    }
  }
  const cause = /permission denied|authentication failed|too many authentication failures/i.test(detail)
    ? 'The host did not accept any of your keys.'
    : /could not resolve hostname/i.test(detail)
      ? 'The host name is not known.'
      : /command not found|docker: not found/i.test(detail)
        ? 'There is no docker command on the host.'
        : /permission denied while trying to connect|dial-stdio/i.test(detail)
          ? 'On the host, your user may not use Docker or the engine does not run.'
          : error.reason
  return {
    code: 'ssh-failed',
    title: `"${targetName}" cannot be reached over ssh`,
    cause,
    remedy: `Make sure that "${sshCommand(endpoint)} docker version" works in a terminal without asking anything.`,
    detail,
    actions: [{ kind: 'copy', label: 'Copy the command', text: `${sshCommand(endpoint)} docker version` }],
  }
}

function sshCommand(endpoint: string): string {
  try {
    const url = new URL(endpoint)
    return `ssh ${url.port ? `-p ${url.port} ` : ''}${url.username ? `${url.username}@` : ''}${url.hostname}`
  } catch {
    return 'ssh'
  }
}

function connectionProblem(thrown: unknown, { title, targetName, endpoint }: FailureContext): Problem {
  const error = thrown instanceof Error ? (thrown as NodeJS.ErrnoException) : new Error(String(thrown))
  const code = 'code' in error && typeof error.code === 'string' ? error.code : ''
  const detail = error.message || code
  const isSocket = endpoint.startsWith('unix:') || endpoint.startsWith('npipe:')
  if (code === 'EACCES' || code === 'EPERM') {
    return {
      code: 'target-forbidden',
      title: `You may not use the Docker engine "${targetName}"`,
      cause: `Your user has no access to ${endpoint}.`,
      remedy:
        'Add yourself to the docker group with "sudo usermod -aG docker $USER", then log out and in again.',
      detail,
      actions: [{ kind: 'copy', label: 'Copy the command', text: 'sudo usermod -aG docker $USER' }],
    }
  }
  if (
    /^(CERT_|ERR_TLS|ERR_SSL|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO_|HOSTNAME_MISMATCH|EPROTO|ERR_OSSL)/.test(code)
  ) {
    return {
      code: 'tls-failed',
      title: `No trusted connection to "${targetName}"`,
      cause: tlsCause(code, detail),
      remedy: 'Check ca.pem, cert.pem and key.pem of this Docker context, and the name in its address.',
      detail: `${code}: ${detail}`,
    }
  }
  if (code === 'ECONNRESET' && /TLS connection was established/i.test(detail)) {
    return {
      code: 'tls-failed',
      title: `No trusted connection to "${targetName}"`,
      cause: 'The engine ended the connection while both sides were identifying themselves.',
      remedy: 'Check ca.pem, cert.pem and key.pem of this Docker context.',
      detail,
    }
  }
  if (connectionLostCodes.has(code) || /socket hang up|aborted|connection lost/i.test(detail)) {
    return connectionLost(targetName, detail)
  }
  if (/^HPE_|Parse Error/.test(code) || /400 Bad Request|HTTP/.test(detail)) {
    return {
      code: 'tls-failed',
      title: `"${targetName}" does not speak as expected`,
      cause: `What answers at ${endpoint} is not a Docker engine, or expects TLS.`,
      remedy: 'Check the address of this Docker context and whether it needs certificates.',
      detail,
    }
  }
  const { cause, remedy } = unreachable(code, endpoint, isSocket)
  return {
    code: 'target-unreachable',
    title: title.startsWith('Docker') ? title : `The Docker engine "${targetName}" cannot be reached`,
    cause,
    remedy,
    detail: code && !detail.includes(code) ? `${code}: ${detail}` : detail,
  }
}

function tlsCause(code: string, detail: string): string {
  if (code === 'CERT_HAS_EXPIRED') return 'Its certificate has expired.'
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') return 'Its certificate is for another name.'
  if (/SELF_SIGNED|UNABLE_TO_|DEPTH_ZERO/.test(code))
    return 'Its certificate is not signed by the trusted authority.'
  if (/certificate required|bad certificate|alert/i.test(detail)) return 'It did not accept your certificate.'
  return 'The TLS handshake failed.'
}

function unreachable(code: string, endpoint: string, isSocket: boolean): { cause: string; remedy: string } {
  if (isSocket) {
    const cause =
      code === 'ENOENT'
        ? `There is no socket at ${endpoint}.`
        : `Nothing answers at ${endpoint}: the engine is down.`
    return { cause, remedy: startRemedy() }
  }
  const cause =
    code === 'ENOTFOUND' || code === 'EAI_AGAIN'
      ? 'Its host name is not known.'
      : code === 'ETIMEDOUT' || code === 'EHOSTUNREACH' || code === 'ENETUNREACH'
        ? 'Its host does not answer.'
        : `Nothing answers at ${endpoint}.`
  return { cause, remedy: 'Check the network and the address, and that the engine runs on that host.' }
}

function startRemedy(): string {
  if (process.platform === 'linux') {
    return 'Start Docker with "sudo systemctl start docker" (or "sudo service docker start"). Berth connects by itself.'
  }
  return 'Start Docker Desktop (or whatever runs Docker here). Berth connects by itself.'
}

export function connectionLost(targetName: string, detail?: string): Problem {
  return {
    code: 'connection-lost',
    title: `The connection to "${targetName}" was lost`,
    cause: 'The Docker engine, or the network on the way to it, ended the connection.',
    remedy: 'Try again once the target is reachable.',
    ...(detail ? { detail } : {}),
  }
}

export function timedOut(targetName: string, endpoint: string, seconds: number): ProblemError {
  return problem({
    code: 'target-unreachable',
    title: `The Docker engine "${targetName}" does not answer`,
    cause: `It took a connection at ${endpoint} but said nothing for ${seconds} seconds.`,
    remedy: 'See whether the engine is overloaded or hangs, and restart it if so.',
  })
}
