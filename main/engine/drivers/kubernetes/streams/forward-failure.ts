import { ProblemError, problem } from '#contract'
import { connectionLost, portRefused } from './problems'

/** Whether a node's complaint of a connection says that nothing listens. */
export function isRefusal(complaint: string): boolean {
  return /refused/i.test(complaint)
}

/** Whether a connection had been made before it came to this end. */
export function isAfterOpening(complaint: string): boolean {
  return complaint === '' || /reset by peer|broken pipe|EPIPE|ECONNRESET/i.test(complaint)
}

/**
 * Whether a node says that it never came to a connection: nobody has heard what was sent over it. Of a session that
 * died it is not known.
 */
export function isBeforeOpening(complaint: string): boolean {
  return isRefusal(complaint) || BEFORE.test(complaint)
}

/** As kubelets with Docker (pkg/kubelet/dockershim) and containerd (internal/cri/server, sandbox_portforward) put it. */
const BEFORE =
  /not found|not running|no such container|unable to do port forwarding|failed to find sandbox|namespace .* closed|no route to host/i

/** The Problem in a node's complaint of a connection that was not made. */
export function failureOf(complaint: string, port: number, targetName: string): ProblemError {
  if (isRefusal(complaint)) return portRefused(port, complaint)
  if (/(socat|nsenter) not found|unable to do port forwarding/i.test(complaint)) {
    return problem({
      code: 'dial-unsupported',
      title: `Port ${port} cannot be reached`,
      cause: 'The node of the workspace has no program for port forwarding.',
      remedy: 'Ask whoever runs the cluster to install socat on its nodes.',
      detail: complaint,
    })
  }
  return new ProblemError({
    ...connectionLost(targetName, complaint),
    cause: 'The node could not connect to the workspace: it is just ending, or being replaced.',
  })
}
