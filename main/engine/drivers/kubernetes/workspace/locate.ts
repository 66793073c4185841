import type { V1PodSpec, V1StatefulSet } from '@kubernetes/client-node'
import { type Definition, type ProblemError, problem, type WorkspaceUser } from '#contract'
import type { Clock } from '../../../platform/clock'
import { runsIdle } from '../../shared/idle'
import { isRunning, podState } from '../watch/pod-state'
import { CONTAINER, isComplete, isReplacing, podName, readAnnotations } from './anatomy'
import { type Objects, workspaceGone } from './objects'

/** Milliseconds for which a description is used without asking again; a change that is seen ends it sooner. */
const LIFE = 10_000

/** What has to be known of a workspace to run something in its pod. */
export interface Described {
  readonly pod: string
  readonly container: string
  readonly hasShell: boolean
  /** Whether its main process is Berth's idle command. */
  readonly idle: boolean
  /** Whom its processes run as, where that is known, or can be nobody but who was found for the image. */
  readonly runsAs?: { readonly uid: number; readonly gid: number; readonly name?: string }
  /** Nothing of it is being made. */
  readonly settled: boolean
  readonly image: string
  readonly definition: Definition
  readonly template: V1PodSpec
}

/** Finds a workspace's pod, and says why there is none. */
export class Locator {
  readonly #objects: Objects
  readonly #clock: Clock
  readonly #known = new Map<string, { readonly described: Described; readonly until: number }>()

  constructor(objects: Objects, clock: Clock) {
    this.#objects = objects
    this.#clock = clock
  }

  /** Rejects with `workspace-gone` where there is none, and else with raw errors. */
  async describe(id: string, signal?: AbortSignal): Promise<Described> {
    const known = this.#known.get(id)
    if (known && known.until > this.#clock.now()) return known.described
    const { statefulSet, claim } = await this.#objects.of(id, signal)
    const described = statefulSet && describe(id, statefulSet)
    if (!described) throw workspaceGone(id, claim !== undefined)
    this.#known.set(id, { described, until: this.#clock.now() + LIFE })
    return described
  }

  forget(id?: string): void {
    if (id === undefined) this.#known.clear()
    else this.#known.delete(id)
  }

  async isRunning(id: string, signal: AbortSignal): Promise<boolean> {
    return isRunning(await this.#objects.get('pods', podName(id), signal))
  }

  /** Why nothing can be done in its pod; undefined where it runs. */
  async absence(id: string, signal: AbortSignal): Promise<ProblemError | undefined> {
    this.forget(id)
    const [{ statefulSet, claim }, pod] = await Promise.all([
      this.#objects.of(id, signal),
      this.#objects.get('pods', podName(id), signal),
    ])
    if (!statefulSet) return workspaceGone(id, claim !== undefined)
    if (isRunning(pod)) return undefined
    const state = podState(pod, (statefulSet.spec?.replicas ?? 0) > 0)
    return problem({
      code: 'workspace-not-running',
      title: 'The workspace is not running',
      cause: `${state.reason}.`,
      remedy: state.run === 'starting' ? 'Wait until it has started.' : 'Start the workspace.',
      actions: [{ kind: 'workspace', label: 'Start', verb: 'start', workspaceId: id }],
    })
  }
}

/** Whether a pod that names no user runs as the workspace's: nothing in it could become another. */
function isLeftToImage({ shell }: WorkspaceUser, { containerUser, remoteUser }: Definition): boolean {
  return shell === undefined && (remoteUser === undefined || remoteUser === containerUser)
}

function describe(id: string, { metadata, spec }: V1StatefulSet): Described | undefined {
  const annotated = readAnnotations(metadata)
  const template = spec?.template.spec
  const container = template?.containers.find(({ name }) => name === CONTAINER)
  if (!annotated || !template || !container) return undefined
  const { user, definition, image } = annotated
  const { runAsUser, runAsGroup = 0 } = container.securityContext ?? {}
  const told = runAsUser === undefined ? undefined : { uid: runAsUser, gid: runAsGroup }
  const runsAs = told ?? (isLeftToImage(user, definition) ? { uid: user.uid, gid: user.gid } : undefined)
  return {
    pod: podName(id),
    container: CONTAINER,
    hasShell: user.shell !== undefined,
    idle: runsIdle(definition, user),
    ...(runsAs && { runsAs: { ...runsAs, ...(runsAs.uid === user.uid && { name: user.name }) } }),
    settled: isComplete(metadata) && !isReplacing(metadata),
    image,
    definition,
    template,
  }
}
