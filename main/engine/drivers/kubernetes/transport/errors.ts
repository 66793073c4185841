import type { V1Status } from '@kubernetes/client-node'

/** One of the causes that a Status names; field managers in conflict are told so. */
export interface StatusCause {
  readonly reason?: string
  readonly message?: string
  readonly field?: string
}

export interface StatusDetails {
  /** Of the object: `pods`. */
  readonly kind?: string
  readonly name?: string
  readonly group?: string
  readonly causes: readonly StatusCause[]
  /** After which the server wants to be asked again. */
  readonly retryAfterSeconds?: number
}

/** What the API server, or a proxy before it, answered with a status of 400 and above. */
export class ApiError extends Error {
  /** Of HTTP. */
  readonly status: number
  /** Machine-readable, such as `Forbidden`; empty where no API server has spoken. */
  readonly reason: string
  readonly details: StatusDetails

  constructor(status: number, message: string, reason = '', details: StatusDetails = { causes: [] }) {
    super(message)
    this.name = 'ApiError'
    this.status = status
    this.reason = reason
    this.details = details
  }
}

/** The proxy on the way to the server did not let a connection through. */
export class ProxyError extends Error {
  /** `http://host:8080`, without credentials. */
  readonly proxy: string
  /** What HTTP proxies answered. */
  readonly status: number | undefined

  constructor(proxy: string, reason: string, options: { status?: number; cause?: unknown } = {}) {
    super(`the proxy ${proxy} ${reason}`, options.cause === undefined ? {} : { cause: options.cause })
    this.name = 'ProxyError'
    this.proxy = proxy
    this.status = options.status
  }
}

/** A certificate or key of the kubeconfig that cannot be used. */
export class TlsMaterialError extends Error {
  constructor(cause: unknown) {
    super(cause instanceof Error ? cause.message : String(cause), { cause })
    this.name = 'TlsMaterialError'
  }
}

/** Settings with which no connection is made at all. */
export class AccessError extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'AccessError'
  }
}

export function isStatus(error: unknown, ...statuses: readonly number[]): error is ApiError {
  return error instanceof ApiError && statuses.includes(error.status)
}

/** The error that a body of status 400 and above makes: a Status object, or whatever a proxy writes. */
export function toApiError(status: number, body: Buffer): ApiError {
  const text = body.toString('utf8').trim()
  const answer = parseStatus(text)
  if (!answer) return new ApiError(status, plainText(text) || `status ${status}`)
  const { message, reason, details } = answer
  return new ApiError(answer.code ?? status, message || `status ${status}`, reason ?? '', {
    ...(details?.kind && { kind: details.kind }),
    ...(details?.name && { name: details.name }),
    ...(details?.group && { group: details.group }),
    ...(details?.retryAfterSeconds && { retryAfterSeconds: details.retryAfterSeconds }),
    causes: (details?.causes ?? []).map(({ reason, message, field }) => ({
      ...(reason && { reason }),
      ...(message && { message }),
      ...(field && { field }),
    })),
  })
}

function parseStatus(text: string): V1Status | undefined {
  if (!text.startsWith('{')) return undefined
  try {
    const answer = JSON.parse(text) as V1Status
    return answer.kind === 'Status' || typeof answer.message === 'string' ? answer : undefined
  } catch {
    return undefined
  }
}

/** Error pages of proxies and load balancers, as a line. */
function plainText(text: string): string {
  const words = /^\s*<(!doctype|html)/i.test(text)
    ? text.replace(/<(style|script|head)[\s\S]*?<\/\1>/gi, ' ').replace(/<[^>]*>/g, ' ')
    : text
  return words.replace(/\s+/g, ' ').trim().slice(0, 500)
}

export interface Conflict {
  /** `kubectl-client-side-apply` */
  readonly manager: string
  /** `.spec.replicas` */
  readonly field: string
}

/** Fields that server-side apply did not take because another manager owns them; empty for any other error. */
export function conflictsOf(error: unknown): readonly Conflict[] {
  if (!isStatus(error, 409)) return []
  return error.details.causes
    .filter(({ reason }) => reason === 'FieldManagerConflict')
    .map(({ message = '', field = '' }) => ({
      manager: /conflict with "([^"]*)"/.exec(message)?.[1] ?? 'somebody else',
      field,
    }))
}

export interface Forbidden {
  readonly user: string
  /** `get` */
  readonly verb: string
  /** `pods/exec`, or a path that is no resource. */
  readonly resource: string
  /** Empty: core. */
  readonly group: string
  /** Absent: of the whole cluster. */
  readonly namespace?: string
}

/** What authorisation refused, read from the message of a 403; nothing where an admission refused. */
export function forbiddenOf(error: unknown): Forbidden | undefined {
  if (!isStatus(error, 403)) return undefined
  const resource =
    /User "([^"]*)" cannot (\S+) resource "([^"]*)" in API group "([^"]*)"(?: in the namespace "([^"]*)")?/.exec(
      error.message,
    )
  if (resource) {
    const [, user = '', verb = '', name = '', group = '', namespace] = resource
    return { user, verb, resource: name, group, ...(namespace ? { namespace } : {}) }
  }
  const path = /User "([^"]*)" cannot (\S+) path "([^"]*)"/.exec(error.message)
  if (!path) return undefined
  const [, user = '', verb = '', name = ''] = path
  return { user, verb, resource: name, group: '' }
}

/** Why an object was not let in, by the plug-in that said so. */
export type AdmissionKind =
  | 'quota'
  | 'limit-range'
  | 'pod-security'
  | 'webhook'
  /** A webhook that has to be asked and does not answer. */
  | 'webhook-away'
  | 'policy'
  | 'terminating'

export interface Rejection {
  readonly kind: AdmissionKind
  /** The words after `is forbidden:`, or the message. */
  readonly reason: string
  /** Of the quota, webhook or policy. */
  readonly name?: string
}

/** What an admission plug-in, webhook or policy said no to; nothing for any other error. */
export function rejectionOf(error: unknown): Rejection | undefined {
  if (!(error instanceof ApiError)) return undefined
  return rejectionIn(error.message, error.details.causes)
}

/** The same for words that come in an Event or a condition: controllers tell there what they could not create. */
export function rejectionIn(message: string, causes: readonly StatusCause[] = []): Rejection | undefined {
  const reason = /is forbidden: ([\s\S]*)$/.exec(message)?.[1] ?? message
  const quota = /^(?:exceeded|failed|insufficient) quota: ([^,:\s]+)/.exec(reason)
  if (quota) return { kind: 'quota', reason, ...(quota[1] && { name: quota[1] }) }
  if (
    causes.some((cause) => cause.reason === 'NamespaceTerminating') ||
    /because it is being terminated/.test(message)
  ) {
    return { kind: 'terminating', reason }
  }
  if (
    /violates PodSecurity|unable to validate against any (pod security policy|security context constraint)/.test(
      reason,
    )
  ) {
    return { kind: 'pod-security', reason }
  }
  const webhook = /admission webhook "([^"]*)" denied the request(?:: ([\s\S]*))?/.exec(message)
  if (webhook)
    return { kind: 'webhook', reason: webhook[2] ?? message, ...(webhook[1] && { name: webhook[1] }) }
  const away = /failed calling webhook "([^"]*)": ([\s\S]*)/.exec(message)
  if (away) return { kind: 'webhook-away', reason: away[2] ?? message, ...(away[1] && { name: away[1] }) }
  const policy = /ValidatingAdmissionPolicy '([^']*)'[^:]*denied request: ([\s\S]*)/.exec(message)
  if (policy) return { kind: 'policy', reason: policy[2] ?? message, ...(policy[1] && { name: policy[1] }) }
  if (/(maximum|minimum) \S+ (usage|storage)? ?per \S+ is|max limit to request ratio per/.test(reason)) {
    return { kind: 'limit-range', reason }
  }
  return undefined
}
