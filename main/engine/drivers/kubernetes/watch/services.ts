import type { V1ContainerStatus, V1Pod } from '@kubernetes/client-node'
import type { Definition, Dependency, Problem, ServiceStatus } from '#contract'
import { neededServices, serviceFailed } from '../../shared/services'
import { serviceContainer } from '../workspace/anatomy'
import { isCertain, pullProblem } from '../workspace/image-problems'

/** How the services of a workspace are, in the definition's order. `pod`: undefined while it has none. */
export function observeServices({ services }: Definition, pod: V1Pod | undefined): ServiceStatus[] {
  return services.map(({ name, image = '', health }) => {
    const spec = pod?.spec?.containers.find((one) => one.name === serviceContainer(name))
    const status = statusOf(name, pod)
    return { name, image: spec?.image ?? image, ...stateOf(status, health !== undefined) }
  })
}

const statusOf = (name: string, pod: V1Pod | undefined) =>
  pod?.status?.containerStatuses?.find((one) => one.name === serviceContainer(name))

function stateOf(
  status: V1ContainerStatus | undefined,
  hasHealth: boolean,
): Pick<ServiceStatus, 'state' | 'reason'> {
  if (!status) return { state: 'stopped', reason: 'Not started' }
  const { running, waiting, terminated } = status.state ?? {}
  if (running) {
    if (!hasHealth) return { state: 'running', reason: 'Running' }
    if (status.ready) return { state: 'healthy', reason: 'Healthy' }
    return { state: 'starting', reason: 'Waiting for its health check' }
  }
  const ended = terminated ?? status.lastState?.terminated
  if (waiting?.reason && !/^(ContainerCreating|PodInitializing|CrashLoopBackOff)$/.test(waiting.reason)) {
    return { state: 'failed', reason: `${waiting.reason}: ${firstLine(waiting.message ?? '')}`.slice(0, 300) }
  }
  if (!ended) return { state: 'starting', reason: 'Its node is getting it ready' }
  if (ended.exitCode === 0) return { state: 'ended', reason: 'It has ended, and the cluster starts it again' }
  if (ended.reason === 'OOMKilled') return { state: 'failed', reason: 'It ran out of memory' }
  return { state: 'failed', reason: `It ended with code ${ended.exitCode}, and the cluster starts it again` }
}

const firstLine = (text: string) => text.trim().split('\n', 1)[0] ?? ''

/** What a start still waits for, or why it cannot succeed. Neither: services are as they have to be. */
export interface ServicesJudgement {
  readonly waitsFor: readonly string[]
  readonly problem?: Problem
  /** Waiting longer is no use to anybody but whoever wants it. */
  readonly must: boolean
}

/** Whether the services of a pod are as its definition wants them before the workspace counts as started. */
export function judgeServices(definition: Definition, pod: V1Pod): ServicesJudgement {
  const { needed, must } = neededServices(definition)
  const waitsFor: string[] = []
  for (const one of needed) {
    const verdict = judgeService(one, statusOf(one.service, pod))
    if (verdict === 'well') continue
    if (verdict !== 'waits' && must) return { waitsFor: [], must, problem: verdict }
    waitsFor.push(one.service)
  }
  return { waitsFor, must }
}

function judgeService(
  { service, condition }: Dependency,
  status: V1ContainerStatus | undefined,
): 'well' | 'waits' | Problem {
  if (!status) return 'waits'
  const { running, waiting, terminated } = status.state ?? {}
  const ended = terminated ?? status.lastState?.terminated
  if (condition === 'completed' && ended?.exitCode === 0) return 'well'
  if (running && (condition === 'started' || (condition === 'healthy' && status.ready))) return 'well'
  if (
    waiting?.reason === 'ImagePullBackOff' ||
    (waiting?.reason === 'ErrImagePull' && isCertain(waiting.message ?? ''))
  )
    return pullProblem(status.image, waiting.message || waiting.reason)
  if (ended && ended.exitCode !== 0 && status.restartCount > 1)
    return serviceFailed(service, `It ended with code ${ended.exitCode}.`, ended.message)
  return 'waits'
}
