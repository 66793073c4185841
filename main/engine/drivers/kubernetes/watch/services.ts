import type {
  V1Container,
  V1ContainerStateTerminated,
  V1ContainerStateWaiting,
  V1ContainerStatus,
  V1Pod,
} from '@kubernetes/client-node'
import type { Definition, Dependency, Problem, Service, ServiceStatus } from '#contract'
import { neededServices, serviceFailed } from '../../shared/services'
import { serviceContainer } from '../workspace/anatomy'
import { isCertain, pullProblem } from '../workspace/image-problems'
import { isWrapped } from '../workspace/once'

/** How the services of a workspace are, in the definition's order. `pod`: undefined while it has none. */
export function observeServices({ services }: Definition, pod: V1Pod | undefined): ServiceStatus[] {
  return services.map((service) => {
    const { name, image = '' } = service
    const { spec, isFirst } = containerOf(name, pod)
    const status = statusOf(name, pod)
    const told = () => {
      if (isFirst) return stateOfFirst(status)
      if (isWrapped(spec)) return stateOfWrapped(status, service)
      return stateOf(status, service.health !== undefined)
    }
    return { name, image: spec?.image ?? image, ...told() }
  })
}

/** What a pod has of a service, and whether that comes before all others. */
function containerOf(service: string, pod: V1Pod | undefined) {
  const name = serviceContainer(service)
  const own = (containers: readonly V1Container[] | undefined) => containers?.find((one) => one.name === name)
  const first = own(pod?.spec?.initContainers)
  return { spec: first ?? own(pod?.spec?.containers), isFirst: first !== undefined }
}

const statusOf = (service: string, pod: V1Pod | undefined) =>
  [...(pod?.status?.initContainerStatuses ?? []), ...(pod?.status?.containerStatuses ?? [])].find(
    (one) => one.name === serviceContainer(service),
  )

type Told = Pick<ServiceStatus, 'state' | 'reason'>

const done: Told = { state: 'ended', reason: 'Done (exit 0)' }

/** What keeps a container from running that has not run yet, or that does not run again. */
function heldUp(waiting: V1ContainerStateWaiting | undefined): Told | undefined {
  if (!waiting?.reason || /^(ContainerCreating|PodInitializing|CrashLoopBackOff)$/.test(waiting.reason))
    return undefined
  return { state: 'failed', reason: `${waiting.reason}: ${firstLine(waiting.message ?? '')}`.slice(0, 300) }
}

function failedWith({ exitCode, reason }: V1ContainerStateTerminated, more = ''): Told {
  if (reason === 'OOMKilled') return { state: 'failed', reason: 'It ran out of memory' }
  return { state: 'failed', reason: `It ended with code ${exitCode}${more}` }
}

function stateOf(status: V1ContainerStatus | undefined, hasHealth: boolean): Told {
  if (!status) return { state: 'stopped', reason: 'Not started' }
  const { running, waiting, terminated } = status.state ?? {}
  if (running) {
    if (!hasHealth) return { state: 'running', reason: 'Running' }
    if (status.ready) return { state: 'healthy', reason: 'Healthy' }
    return { state: 'starting', reason: 'Waiting for its health check' }
  }
  const ended = terminated ?? status.lastState?.terminated
  const held = heldUp(waiting)
  if (held) return held
  if (!ended) return { state: 'starting', reason: 'Its node is getting it ready' }
  if (ended.exitCode === 0) return { state: 'ended', reason: 'It has ended, and the cluster starts it again' }
  return failedWith(ended, ', and the cluster starts it again')
}

/** Of one that the pod begins with. */
function stateOfFirst(status: V1ContainerStatus | undefined): Told {
  if (!status) return { state: 'stopped', reason: 'Not started' }
  const { running, waiting, terminated } = status.state ?? {}
  if (terminated?.exitCode === 0) return done
  if (running) return { state: 'running', reason: 'Running' }
  const ended = terminated ?? status.lastState?.terminated
  return (
    heldUp(waiting) ??
    (ended
      ? failedWith(ended, ', and the cluster tries it again')
      : { state: 'starting', reason: 'Its node is getting it ready' })
  )
}

/** Of one that does its work once: ready is who is done, and who failed waits in a second container. */
function stateOfWrapped(status: V1ContainerStatus | undefined, { restart }: Service): Told {
  if (!status) return { state: 'stopped', reason: 'Not started' }
  const { running, waiting } = status.state ?? {}
  if (running && status.ready) return done
  const failed = failureOf(status)
  if (failed && restart === 'never') return failedWith(failed)
  if (running) return { state: 'running', reason: 'Running' }
  return (
    heldUp(waiting) ??
    (failed
      ? failedWith(failed, ', and the cluster starts it again')
      : { state: 'starting', reason: 'Its node is getting it ready' })
  )
}

/** How a wrapped service failed; undefined while it has not. */
function failureOf({ state, lastState, ready }: V1ContainerStatus): V1ContainerStateTerminated | undefined {
  const ended = state?.terminated ?? lastState?.terminated
  return ended && !ready && ended.exitCode !== 0 ? ended : undefined
}

/** Whether what a service printed is in the container before the one that it has now, which only waits. */
export function isLogBefore(service: string, pod: V1Pod): boolean {
  const status = statusOf(service, pod)
  return (
    isWrapped(containerOf(service, pod).spec) &&
    status?.state?.running !== undefined &&
    status.lastState?.terminated !== undefined
  )
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
  const verdictOf = (one: Dependency) => {
    const service = definition.services.find(({ name }) => name === one.service)
    return judgeService(one, service, pod)
  }
  // What waits for one that has failed would wait for good.
  for (const one of definition.services.flatMap(({ dependsOn }) => dependsOn)) {
    const verdict = one.condition === 'completed' ? verdictOf(one) : 'well'
    if (typeof verdict === 'object') return { waitsFor: [], must, problem: verdict }
  }
  for (const one of needed) {
    const verdict = verdictOf(one)
    if (verdict === 'well') continue
    if (verdict !== 'waits' && must) return { waitsFor: [], must, problem: verdict }
    waitsFor.push(one.service)
  }
  return { waitsFor, must }
}

function judgeService(
  { service, condition }: Dependency,
  told: Service | undefined,
  pod: V1Pod,
): 'well' | 'waits' | Problem {
  const status = statusOf(service, pod)
  if (!status) return 'waits'
  const isOnce = isWrapped(containerOf(service, pod).spec)
  if (isOnce && condition === 'completed') {
    if (status.state?.running && status.ready) return 'well'
    const failed = failureOf(status)
    if (failed && told?.restart === 'never')
      return serviceFailed(service, `It ended with code ${failed.exitCode}.`, failed.message)
  }
  const { running, waiting, terminated } = status.state ?? {}
  const ended = terminated ?? status.lastState?.terminated
  if (!isOnce && condition === 'completed' && ended?.exitCode === 0) return 'well'
  // One that was done before the pod's other containers has started as well.
  if (condition === 'started' && ended?.exitCode === 0 && containerOf(service, pod).isFirst) return 'well'
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
