import type { Problem } from '#contract'
import { SilentServerError } from './request'

/** The part of a failure's context that a connection's Problem tells of. */
export interface ConnectionContext {
  readonly targetName: string
}

const tlsCodes =
  /^(CERT_|ERR_TLS|ERR_SSL|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO_|HOSTNAME_MISMATCH|INVALID_CA|INVALID_PURPOSE|PATH_LENGTH|EPROTO|ERR_OSSL)/
const lostCodes = new Set([
  'ECONNRESET',
  'EPIPE',
  'ECONNABORTED',
  'ERR_STREAM_PREMATURE_CLOSE',
  'ERR_STREAM_DESTROYED',
])

/** The Problem of a connection that was not made, or was lost; any other error is one of Berth. */
export function connectionProblem(thrown: unknown, context: ConnectionContext, endpoint: string): Problem {
  const error = firstOf(thrown)
  const code = typeof error.code === 'string' ? error.code : ''
  const detail = code && !error.message.includes(code) ? `${code}: ${error.message}` : error.message || code
  const { targetName } = context
  if (tlsCodes.test(code)) return tlsProblem(code, detail, targetName, endpoint)
  if (code === 'ECONNRESET' && /TLS connection was established/i.test(error.message)) {
    return {
      code: 'tls-failed',
      title: `No trusted connection to "${targetName}"`,
      cause: `The server at ${endpoint} ended the connection while both sides were identifying themselves.`,
      remedy: 'Check the address of the cluster, and the client certificate of the user in the kubeconfig.',
      detail,
    }
  }
  if (error instanceof SilentServerError) {
    return {
      code: 'target-unreachable',
      title: `The cluster "${targetName}" does not answer`,
      cause: `It took a connection at ${endpoint} but said nothing for ${error.seconds} seconds.`,
      remedy: 'Try again; if it goes on, tell whoever runs the cluster.',
      detail,
    }
  }
  if (lostCodes.has(code) || /socket hang up|aborted|connection lost/i.test(error.message)) {
    return {
      code: 'connection-lost',
      title: `The connection to "${targetName}" was lost`,
      cause: 'The API server, or the network on the way to it, ended the connection.',
      remedy: 'Try again once the target is reachable.',
      detail,
    }
  }
  if (/^HPE_/.test(code)) {
    return {
      code: 'target-misconfigured',
      title: `"${targetName}" does not speak as expected`,
      cause: `What answers at ${endpoint} is no API server of Kubernetes.`,
      remedy: 'Check the address of the cluster in the kubeconfig.',
      detail,
    }
  }
  return {
    code: 'target-unreachable',
    title: `The cluster "${targetName}" cannot be reached`,
    cause: unreachableCause(code, endpoint),
    remedy:
      'Check the network, a VPN that the cluster may need, and the address of the cluster in the kubeconfig.',
    detail,
  }
}

/** Of several addresses that were tried, the first one's error. */
function firstOf(thrown: unknown): NodeJS.ErrnoException {
  if (thrown instanceof AggregateError && thrown.errors[0] instanceof Error) return thrown.errors[0]
  return thrown instanceof Error ? thrown : new Error(String(thrown))
}

function unreachableCause(code: string, endpoint: string): string {
  switch (code) {
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return `The host name of ${endpoint} is not known.`
    case 'ECONNREFUSED':
      return `Nothing answers at ${endpoint}.`
    case 'ETIMEDOUT':
    case 'EHOSTUNREACH':
    case 'ENETUNREACH':
    case 'EHOSTDOWN':
      return `The host of ${endpoint} does not answer.`
    default:
      return `The connection to ${endpoint} failed.`
  }
}

function tlsProblem(code: string, detail: string, targetName: string, endpoint: string): Problem {
  const { cause, remedy } = tlsWords(code, detail, endpoint)
  return { code: 'tls-failed', title: `No trusted connection to "${targetName}"`, cause, remedy, detail }
}

function tlsWords(code: string, detail: string, endpoint: string): { cause: string; remedy: string } {
  if (code === 'CERT_HAS_EXPIRED') {
    return {
      cause: `The certificate of the server at ${endpoint} has expired.`,
      remedy: 'Whoever runs the cluster has to renew it. Check also that the clock of this machine is right.',
    }
  }
  if (code === 'CERT_NOT_YET_VALID') {
    return {
      cause: `The certificate of the server at ${endpoint} is not valid yet.`,
      remedy: 'Check that the clock of this machine is right.',
    }
  }
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID' || code === 'HOSTNAME_MISMATCH') {
    return {
      cause: `The certificate of the server at ${endpoint} is for another name.`,
      remedy:
        'Use an address that the certificate names, or give the cluster a tls-server-name in the kubeconfig, if you know that it is the right server.',
    }
  }
  if (/SELF_SIGNED|UNABLE_TO_|DEPTH_ZERO|INVALID_CA|CERT_UNTRUSTED/.test(code)) {
    return {
      cause: `The certificate of the server at ${endpoint} is not signed by an authority that the kubeconfig trusts.`,
      remedy:
        'Fetch the kubeconfig anew: certificate-authority-data of the cluster may be an old one. If the network puts its own certificates before servers, add its authority there.',
    }
  }
  if (/ALERT|alert/.test(`${code} ${detail}`) && /certificate|unknown ca|access denied/i.test(detail)) {
    return {
      cause: `The server at ${endpoint} did not accept the client certificate.`,
      remedy: 'Fetch the kubeconfig anew: the client certificate may have expired or been revoked.',
    }
  }
  if (
    code === 'ERR_SSL_WRONG_VERSION_NUMBER' ||
    /wrong version number|packet length too long/i.test(detail)
  ) {
    return {
      cause: `What answers at ${endpoint} does not speak TLS.`,
      remedy: 'Check the address and port of the cluster in the kubeconfig.',
    }
  }
  return {
    cause: `The TLS handshake with the server at ${endpoint} failed.`,
    remedy: 'Check the address of the cluster in the kubeconfig, and what lies between it and this machine.',
  }
}
