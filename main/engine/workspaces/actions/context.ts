import { type Problem, problem, type Target, type Workspace } from '#contract'
import type { DataVerbs, Driver, ObservedWorkspace } from '../../drivers/driver'
import type { Links } from '../../link/link'
import type { Platform } from '../../platform/platform'
import type { LoadedPolicy } from '../../policy/loaded'
import type { GivenBuildSecrets } from '../builds/given-secrets'
import type { Guard } from '../guard'
import type { ActionReport, RunningOperation } from '../operations'
import type { Asked, Governance } from '../policy/governance'
import type { BeginTask } from './tasks'
import type { WorkspaceVariables } from './variables'

/** What the actions share. */
export interface ActionContext {
  readonly platform: Platform
  readonly guard: Guard
  readonly links: () => Links
  readonly beginTask: BeginTask
  readonly variables: () => WorkspaceVariables
  readonly buildSecrets: GivenBuildSecrets
  /** `user@host` of this engine. */
  readonly owner: string
  /** Rejects with the target's own Problem while it is unreachable. Waits while it is being asked for the first time. */
  target(
    targetId: string | undefined,
    signal: AbortSignal,
  ): Promise<{ readonly target: Target; readonly driver: Driver }>
  /** What team policies make of a workspace there. Rejects with `policy-unreadable` where one cannot be known. */
  govern(target: Target, driver: Driver, asked: Asked, signal: AbortSignal): Promise<Governance>
  /** The policies themselves, as they hold for a workspace that there is. */
  policiesOf(workspaceId: string, signal: AbortSignal): Promise<readonly LoadedPolicy[]>
  /** Throws `not-found`. */
  workspace(workspaceId: string): Workspace
  /** All that are known of a target. */
  workspacesOn(targetId: string): readonly Workspace[]
  observed(workspaceId: string): ObservedWorkspace | undefined
  /** Of every target that answers and can copy data. */
  dataVerbs(): readonly { readonly targetId: string; readonly data: DataVerbs }[]
  /** Names that are taken, but for one workspace's own. */
  takenNames(except?: string): ReadonlySet<string>
  /** What went wrong in a workspace without ending it; undefined: nothing (any more). */
  mishap(workspaceId: string, problem: Problem | undefined): void
  /**
   * Undoes what an action made, now or, where the target cannot be reached, as soon as it can be again. Never rejects.
   */
  cleanUp(
    targetId: string,
    what: string,
    undo: (driver: Driver, signal: AbortSignal) => Promise<void>,
  ): Promise<void>
  /** Waits until the target has told of a change, so that no old state shows after an action; a few seconds at most. */
  settle(workspaceId: string, predicate: (observed: ObservedWorkspace | undefined) => boolean): Promise<void>
}

/** For what nobody looks at. */
export const silentReport: ActionReport = {
  detail: () => undefined,
  result: () => undefined,
  progress: () => undefined,
  output: () => undefined,
}

/** Steps of an action by name; titles say what is being done. */
export const steps = {
  definition: { id: 'definition', title: 'Reading the definition' },
  initialize: { id: 'initializeCommand', title: 'Running initializeCommand on this machine' },
  clone: { id: 'clone', title: 'Cloning the repository' },
  fetch: { id: 'fetch', title: 'Fetching the source for the build' },
  contexts: { id: 'contexts', title: 'Cloning what images are built of' },
  image: { id: 'image', title: 'Preparing the image' },
  features: { id: 'features', title: 'Installing Features' },
  copy: { id: 'copy', title: 'Copying the source in' },
  start: { id: 'start', title: 'Starting' },
  starter: { id: 'starter', title: 'Adding the starter project' },
  repositories: { id: 'repositories', title: 'Cloning other repositories' },
  dotfiles: { id: 'dotfiles', title: 'Installing dotfiles' },
  tasks: { id: 'tasks', title: 'Beginning its tasks' },
  stop: { id: 'stop', title: 'Stopping' },
  force: { id: 'stop', title: 'Ending by force' },
  rename: { id: 'rename', title: 'Renaming' },
  grow: { id: 'grow', title: 'Growing the volume' },
  delete: { id: 'delete', title: 'Deleting' },
} as const

/** What a workspace is made of is another thing on each kind of target. */
export const makingStep = ({ kind }: Pick<Target, 'kind'>, replaces = false) => ({
  id: 'create',
  title:
    kind === 'docker'
      ? 'Making the container'
      : replaces
        ? 'Making the new pod'
        : 'Making the volume and pod',
})

export const phaseStep = (phase: string) => ({ id: phase, title: `Running ${phase}` })

/** Runs two things at once; when one fails the other is aborted, and both have ended when this rejects. */
export async function together<A, B>(
  operation: RunningOperation,
  left: (signal: AbortSignal) => Promise<A>,
  right: (signal: AbortSignal) => Promise<B>,
): Promise<[A, B]> {
  const controller = new AbortController()
  const signal = AbortSignal.any([operation.signal, controller.signal])
  let first: { readonly error: unknown } | undefined
  const guarded = <T>(promise: Promise<T>) =>
    promise.catch((error: unknown) => {
      first ??= { error }
      controller.abort()
      return undefined
    })
  const [a, b] = await Promise.all([guarded(left(signal)), guarded(right(signal))])
  if (first) throw first.error
  return [a as A, b as B]
}

export function gone(name: string, workspaceId: string) {
  return problem({
    code: 'workspace-gone',
    title: `${name} has nothing to start`,
    cause:
      'Its container or StatefulSet was removed without Berth. The source and the home folder are still there.',
    remedy: 'Rebuild it: nothing in these folders is lost.',
    actions: [{ kind: 'workspace', label: 'Rebuild', verb: 'rebuild', workspaceId }],
  })
}
