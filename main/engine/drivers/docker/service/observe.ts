import type { ServiceStatus } from '#contract'
import type { ContainerInspect } from '../api'
import { type Labelled, labels } from '../container/anatomy'

/** How the services of a workspace's container are, in the definition's order. `beside`: those of any workspace. */
export function observeServices(
  { id, making, definition }: Labelled,
  beside: readonly ContainerInspect[],
): ServiceStatus[] {
  return definition.services.map(({ name, image = '' }) => {
    const found = beside.find(({ Config: { Labels } }) => {
      const of = Labels ?? {}
      return of[labels.serviceOf] === id && of[labels.service] === name && of[labels.making] === making
    })
    if (!found) return { name, image, state: 'stopped', reason: 'Not started yet' }
    return { name, image: found.Config.Image, ...stateOf(found) }
  })
}

function stateOf({ State }: ContainerInspect): Pick<ServiceStatus, 'state' | 'reason'> {
  switch (State.Status) {
    case 'running':
      switch (State.Health?.Status) {
        case 'healthy':
          return { state: 'healthy', reason: 'Healthy' }
        case 'unhealthy':
          return { state: 'unhealthy', reason: lastCheck(State) }
        case 'starting':
          return { state: 'starting', reason: 'Waiting for its health check' }
        default:
          return { state: 'running', reason: 'Running' }
      }
    case 'paused':
      return { state: 'stopped', reason: 'Paused with "docker pause"' }
    case 'restarting':
      return { state: 'failed', reason: `It ended with code ${State.ExitCode}, and is started again` }
    case 'created':
      return State.Error
        ? { state: 'failed', reason: `It could not be started: ${State.Error.split('\n', 1)[0]}` }
        : { state: 'stopped', reason: 'Not started yet' }
    default:
      if (State.OOMKilled) return { state: 'failed', reason: 'It ran out of memory' }
      if (State.Error)
        return { state: 'failed', reason: `It could not be started: ${State.Error.split('\n', 1)[0]}` }
      if (State.ExitCode === 0) return { state: 'ended', reason: 'Done (exit 0)' }
      if (stoppedCodes.has(State.ExitCode)) return { state: 'stopped', reason: 'Stopped' }
      return { state: 'failed', reason: `It ended with code ${State.ExitCode}` }
  }
}

/** 128 + SIGINT, SIGKILL and SIGTERM: how a container ends that was told to. */
const stoppedCodes = new Set([130, 137, 143])

function lastCheck({ Health }: ContainerInspect['State']): string {
  const output = Health?.Log?.at(-1)?.Output?.trim().split('\n', 1)[0]
  return output ? `Its health check fails: ${output.slice(0, 200)}` : 'Its health check fails'
}
