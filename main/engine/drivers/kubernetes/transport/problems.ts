import { cancelled, type Problem, ProblemError } from '#contract'
import type { ClientIdentity } from '../api'
import { rejectionProblem } from '../diagnose/quota'
import { connectionProblem } from './connection-problems'
import {
  AccessError,
  ApiError,
  conflictsOf,
  forbiddenOf,
  ProxyError,
  rejectionOf,
  TlsMaterialError,
} from './errors'
import { AnswerError } from './request'

export interface FailureContext extends ClientIdentity {
  /** What was being done, as a title: `Starting the workspace failed`. */
  readonly title: string
  readonly signal?: AbortSignal
  /** The Problem of a 401 that a renewal did not cure. */
  readonly refusal?: () => Problem
}

/** Turns whatever a call to the API server threw into a Problem with a remedy. */
export function toApiProblem(error: unknown, context: FailureContext): ProblemError {
  if (error instanceof ProblemError) return error
  if (context.signal?.aborted || (error instanceof Error && error.name === 'AbortError')) return cancelled()
  return new ProblemError(problemOf(error, context), { cause: error })
}

function problemOf(error: unknown, context: FailureContext): Problem {
  if (error instanceof ApiError) return answerProblem(error, context)
  if (error instanceof ProxyError) return proxyProblem(error, context)
  const { targetName, endpoint } = context
  if (error instanceof AccessError || error instanceof TlsMaterialError) {
    return {
      code: 'target-misconfigured',
      title: `"${targetName}" cannot be used as it is set up`,
      cause:
        error instanceof AccessError
          ? `In the kubeconfig, ${error.message}.`
          : 'A certificate or key of the kubeconfig is not one, or the two do not belong together.',
      remedy:
        'Correct this cluster and user in the kubeconfig, or fetch them anew from whoever runs the cluster.',
      detail: error.message,
    }
  }
  if (error instanceof AnswerError) return strangeAnswer(context, error.message)
  return connectionProblem(error, context, endpoint)
}

function answerProblem(error: ApiError, context: FailureContext): Problem {
  const { title, targetName, endpoint, refusal } = context
  const detail = error.reason ? `${error.reason}: ${error.message}` : error.message
  if (error.status < 400) return strangeAnswer(context, `status ${error.status}: ${error.message}`)
  if (error.status === 401) {
    return (
      refusal?.() ?? {
        code: 'credentials-failed',
        title: `"${targetName}" does not know you`,
        cause: 'The cluster did not accept your credentials.',
        remedy: 'Log in to the cluster again, as whoever runs it told you to.',
        detail,
      }
    )
  }
  const rejection = rejectionOf(error)
  if (rejection) return rejectionProblem(rejection, title, detail)
  if (error.status === 403) return forbiddenProblem(error, context, detail)
  if (error.status === 404) return missingProblem(error, context, detail)
  if (error.status === 409) return conflictProblem(error, title, detail)
  if (error.status === 400 && /HTTP request to an HTTPS server/i.test(error.message)) {
    return strangeAnswer(context, detail)
  }
  if (error.status === 429 || error.status >= 500) {
    return {
      code: 'target-unreachable',
      title,
      cause:
        error.status === 429
          ? `The cluster "${targetName}" is too busy to answer.`
          : error.reason
            ? `The API server of "${targetName}" failed: ${firstLine(error.message)}`
            : `Something between here and ${endpoint} answered with status ${error.status}.`,
      remedy: 'Try again in a moment; if it goes on, tell whoever runs the cluster.',
      detail,
    }
  }
  const causes = error.details.causes.map(({ field, message }) => [field, message].filter(Boolean).join(': '))
  return {
    code: 'create-failed',
    title,
    cause: `The cluster answered: ${firstLine(error.message)}`,
    remedy: 'See what the detail says is wrong, and correct it.',
    detail: [detail, ...causes].join('\n'),
  }
}

/** What servers since 1.35 say where a websocket to a pod may be got and not created, and their rules are RBAC's. */
const WORDLESS = /^pods "[^"]*" is forbidden:\s*$/
const remedy =
  'Ask whoever runs the cluster for the Role in resources/kubernetes/role.yaml, which is the least that Berth needs.'

function forbiddenProblem(error: ApiError, context: FailureContext, detail: string): Problem {
  const { title, targetName } = context
  const forbidden = forbiddenOf(error)
  if (!forbidden && WORDLESS.test(error.message)) {
    return {
      code: 'target-forbidden',
      title,
      cause: `You may get a websocket to a pod in the namespace "${context.namespace}", and since Kubernetes 1.35 a terminal or a port needs "create" (of pods/exec and pods/portforward) as well.`,
      remedy,
      detail,
    }
  }
  if (!forbidden) {
    return {
      code: 'target-forbidden',
      title,
      cause: `The cluster "${targetName}" refuses this: ${firstLine(error.message)}`,
      remedy: 'Ask whoever runs the cluster, or choose another target.',
      detail,
    }
  }
  const { user, verb, resource, group, namespace } = forbidden
  const where = namespace ? `in the namespace "${namespace}"` : 'in the cluster'
  return {
    code: 'target-forbidden',
    title,
    cause: `"${user}" may not ${verb} ${group ? `${resource}.${group}` : resource} ${where}.`,
    remedy,
    detail,
  }
}

function missingProblem(error: ApiError, context: FailureContext, detail: string): Problem {
  const { title, namespace } = context
  const { kind, name } = error.details
  if (kind === 'namespaces' || /^namespaces "[^"]*" not found/.test(error.message)) {
    return {
      code: 'namespace-missing',
      title,
      cause: `There is no namespace "${name ?? namespace}".`,
      remedy: 'Make the namespace, or choose another one for this context.',
      detail,
    }
  }
  if (!error.reason) return strangeAnswer(context, `status 404: ${error.message}`)
  return {
    code: 'not-found',
    title,
    cause: name
      ? `There is no "${name}" among the ${kind}.`
      : `The cluster has no such thing: ${error.message}`,
    remedy: 'It may have been deleted meanwhile. Look again.',
    detail,
  }
}

function conflictProblem(error: ApiError, title: string, detail: string): Problem {
  const conflicts = conflictsOf(error)
  if (conflicts.length > 0) {
    const managers = [...new Set(conflicts.map(({ manager }) => `"${manager}"`))].join(' and ')
    return {
      code: 'field-conflict',
      title,
      cause: `${managers} set ${conflicts.map(({ field }) => field).join(', ')} to something else.`,
      remedy:
        'Undo that change, or remove these fields from what the other tool manages. Nothing was overwritten.',
      detail,
    }
  }
  if (error.reason === 'AlreadyExists') {
    return {
      code: 'name-taken',
      title,
      cause: firstLine(error.message),
      remedy: 'Choose another name, or remove what has it.',
      detail,
    }
  }
  return {
    code: 'busy',
    title,
    cause: `It was changed by somebody else at the same time: ${firstLine(error.message)}`,
    remedy: 'Try again.',
    detail,
  }
}

function strangeAnswer({ title, endpoint }: FailureContext, detail: string): Problem {
  return {
    code: 'target-misconfigured',
    title,
    cause: `What answers at ${endpoint} is no API server of Kubernetes.`,
    remedy:
      'Check the address of the cluster in the kubeconfig, and whether a proxy wants you to log in first.',
    detail,
  }
}

function proxyProblem(error: ProxyError, { targetName }: FailureContext): Problem {
  return {
    code: 'target-unreachable',
    title: `The cluster "${targetName}" cannot be reached`,
    cause:
      error.status === 407
        ? `The proxy ${error.proxy} wants a user and password, or other ones.`
        : `The proxy on the way to it failed: ${error.message}.`,
    remedy:
      'Check proxy-url of the cluster in the kubeconfig, or HTTPS_PROXY and NO_PROXY in the environment.',
    detail: error.cause instanceof Error ? `${error.message}: ${error.cause.message}` : error.message,
  }
}

export function firstLine(text: string): string {
  return text.trim().split('\n', 1)[0] ?? ''
}
