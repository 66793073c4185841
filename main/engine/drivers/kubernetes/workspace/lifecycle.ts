import type { V1PersistentVolumeClaim, V1StatefulSet } from '@kubernetes/client-node'
import { type ClusterObject, cancelled, type KubernetesOptions, problem } from '#contract'
import type { Platform } from '../../../platform/platform'
import type { StepReport, WorkspaceNotes, WorkspaceSpec } from '../../driver'
import { isNoteKey, writeNotes } from '../../shared/notes'
import type { ApiClient } from '../api'
import { unsaidFor } from '../room/unsaid'
import { isStatus } from '../status'
import { rejectionOf } from '../transport/errors'
import {
  annotations,
  isComplete,
  isReplacing,
  keptSecretName,
  nonce,
  objectName,
  podName,
  pullSecretName,
  readOptions,
  readPrevious,
  secretNames,
} from './anatomy'
import { allowedObjects, ObjectsBeside } from './beside'
import { withHostRequirements } from './host-requirements'
import { type Manifests, planWorkspace, previousOf, restoredStatefulSet } from './manifests'
import { isTaken, nameTaken, standingOf } from './names'
import { type Objects, workspaceGone } from './objects'
import { mergeOptions } from './options'
import type { PullLogins } from './pull-login'
import { quantityOf } from './quantity'

/** Seconds that what is replaced has to end. */
const REPLACED_GRACE = 10
/** How often a name is tried for that another Berth wants in the same second. */
const CONTESTS = 4

/** What there is of a workspace before it is made. */
interface Standing {
  readonly statefulSet?: V1StatefulSet | undefined
  readonly claim?: V1PersistentVolumeClaim | undefined
}

/** The verbs of {@link Driver} that make, change and remove workspaces. */
export class Lifecycle {
  readonly #client: ApiClient
  readonly #platform: Platform
  readonly #objects: Objects
  readonly #logins: PullLogins
  readonly #beside: ObjectsBeside

  constructor(client: ApiClient, objects: Objects, logins: PullLogins, platform: Platform) {
    this.#client = client
    this.#objects = objects
    this.#logins = logins
    this.#platform = platform
    this.#beside = new ObjectsBeside(client)
  }

  /** The options for a workspace: its own, field by field before the settings; a replacement keeps what it replaces has. */
  optionsFor(own: KubernetesOptions | undefined, standing: Standing): KubernetesOptions {
    const stored = readOptions((standing.statefulSet ?? standing.claim)?.metadata)
    return mergeOptions(stored ?? this.#platform.settings.get().kubernetes, own)
  }

  async create(
    asked: WorkspaceSpec,
    { replace }: { readonly replace: boolean },
    report: StepReport,
    signal: AbortSignal,
  ): Promise<void> {
    if (signal.aborted) throw cancelled('Making the workspace')
    const title = `"${asked.name}" could not be made`
    try {
      refuseFolders(asked, title)
      const spec = await this.#withVolumes(asked, report, signal)
      const standing = await this.#objects.of(spec.id, signal)
      const { statefulSet, claim } = standing
      if (statefulSet && (!replace || isReplacing(statefulSet.metadata) || !isComplete(statefulSet.metadata)))
        throw isComplete(statefulSet.metadata) && !replace ? nameTaken(spec.name) : madeElsewhere()
      if (statefulSet || (claim && isComplete(claim.metadata) && !claim.metadata?.deletionTimestamp))
        await this.#replace(spec, standing, report, signal)
      else await this.#createFirst(spec, report, signal)
    } catch (error) {
      if (signal.aborted) throw cancelled('Making the workspace')
      throw this.#createFailure(error, title)
    }
  }

  async #createFirst(spec: WorkspaceSpec, report: StepReport, signal: AbortSignal): Promise<void> {
    for (let contest = 1; ; contest++) {
      if (isTaken(await this.#objects.claims(signal), spec.id, spec.name)) throw nameTaken(spec.name)
      // One that is just being deleted would take what is applied with it.
      await this.#objects.gone('claims', objectName(spec.id), signal, (claim) => {
        if (!claim.metadata?.deletionTimestamp) throw madeElsewhere()
        report.detail('Waiting for an old volume of it to go')
      })
      report.detail('Making its volume and pod')
      const options = this.optionsFor(spec.kubernetes, {})
      const unsaid = await unsaidFor(this.#client, spec, report, signal)
      const plan = this.#plan(spec, secretNames(spec.id)[0], options, unsaid)
      try {
        signal.throwIfAborted()
        const claim = await this.#objects.apply('claims', plan.claim)
        if (options.dockerLogin) await this.#logins.own(spec.id, claim.metadata?.uid)
        await this.#applyRest(plan, report, signal)
        const standing = standingOf(await this.#objects.claims(), spec.id, spec.name)
        signal.throwIfAborted()
        if (standing === 'free') {
          const wanted = allowedObjects(spec.definition)
          return await this.#beside.make(spec.id, claim.metadata?.uid, wanted, [], report, signal)
        }
        if (standing === 'taken' || contest === CONTESTS) throw nameTaken(spec.name)
      } catch (error) {
        await this.#tidy(() => this.#removeAll(spec.id, endless))
        throw error
      }
      await this.#removeAll(spec.id, endless)
      // Each waits for a time of its own, and the first to come back has it.
      await this.#platform.clock.sleep(Math.random() * 2_000 * contest, signal)
    }
  }

  async #replace(
    spec: WorkspaceSpec,
    standing: Standing,
    report: StepReport,
    signal: AbortSignal,
  ): Promise<void> {
    const { statefulSet, claim } = standing
    const options = this.optionsFor(spec.kubernetes, standing)
    const [first, second] = secretNames(spec.id)
    const secretName = statefulSet && secretsIn(statefulSet).includes(first) ? second : first
    const name = (statefulSet ?? claim)?.metadata?.annotations?.[annotations.name]
    const previous = statefulSet && previousOf(statefulSet)
    const plan = this.#plan(spec, secretName, options, {
      ...(await unsaidFor(this.#client, spec, report, signal)),
      ...(name !== undefined && { name }),
      replacing: { ...(previous && { previous }) },
    })
    if (statefulSet) {
      report.detail('Stopping what it replaces')
      await this.scaleDown(spec.id, REPLACED_GRACE, signal)
    }
    report.detail('Making its new pod')
    try {
      signal.throwIfAborted()
      const kept = claim ?? (await this.#objects.apply('claims', plan.claim))
      if (claim)
        await this.#grow(claim, withHostRequirements(options, spec.definition.hostRequirements), report)
      await this.#applyRest(plan, report, signal)
      // Those that are not wanted any more stay until it is committed: what is in them could not be brought back.
      const wanted = allowedObjects(spec.definition)
      await this.#beside.make(spec.id, kept.metadata?.uid, wanted, [], report, signal)
      signal.throwIfAborted()
    } catch (error) {
      await this.#tidy(async () => {
        await this.#takeBack(spec.id, endless)
        await this.#objects.delete('secrets', secretName)
      })
      throw error
    }
  }

  /** Takes back what a failure left. If that fails too, the failure is what there is to say. */
  async #tidy(takeBack: () => Promise<void>): Promise<void> {
    try {
      await takeBack()
    } catch (error) {
      this.#platform.logger.warn('kubernetes: what was begun could not be taken back', {
        error: String(error),
      })
    }
  }

  #plan(
    spec: WorkspaceSpec,
    secretName: string,
    options: KubernetesOptions,
    more: Pick<Parameters<typeof planWorkspace>[1], 'name' | 'replacing' | 'unsaid'> = {},
  ): Manifests {
    const { namespace } = this.#client.identity
    const { env } = this.#platform
    return planWorkspace(spec, { namespace, making: nonce(), options, env, secretName, ...more })
  }

  async #applyRest(plan: Manifests, report: StepReport, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted()
    try {
      await this.#objects.apply('networkPolicies', plan.networkPolicy)
    } catch (error) {
      if (!isStatus(error, 403)) throw error
      report.output(
        'Other pods of the cluster may reach this workspace: you may not make the NetworkPolicy that denies it.\n',
      )
    }
    signal.throwIfAborted()
    if (plan.secret) await this.#objects.apply('secrets', plan.secret)
    signal.throwIfAborted()
    await this.#objects.apply('statefulSets', plan.statefulSet)
  }

  /** A volume grows where its class lets it, and never shrinks. */
  async #grow(
    claim: V1PersistentVolumeClaim,
    { storage }: KubernetesOptions,
    report: StepReport,
  ): Promise<void> {
    const now = claim.spec?.resources?.requests?.storage
    if (storage === undefined || now === undefined || !(quantityOf(storage) > quantityOf(now))) return
    report.detail(`Growing its volume from ${now} to ${storage}`)
    await this.#objects.patch('claims', claim.metadata?.name ?? '', {
      spec: { resources: { requests: { storage } } },
    })
  }

  /** A volume with a name is a claim of the namespace, or else lies within the workspace's own volume. */
  async #withVolumes(spec: WorkspaceSpec, report: StepReport, signal: AbortSignal): Promise<WorkspaceSpec> {
    const mounts = await Promise.all(
      spec.definition.mounts.map(async (mount) => {
        if (mount.type !== 'volume' || mount.source === undefined || mount.ofWorkspace) return mount
        if (await this.#objects.get('claims', mount.source, signal)) return mount
        report.output(
          `The namespace has no PersistentVolumeClaim "${mount.source}": the workspace gets a volume of its own for it.\n`,
        )
        return { ...mount, ofWorkspace: true }
      }),
    )
    return { ...spec, definition: { ...spec.definition, mounts } }
  }

  #createFailure(error: unknown, title: string): Error {
    // A policy refuses with 422 as well, and says why.
    const isWrong = isStatus(error, 400, 422) && rejectionOf(error) === undefined
    if (!isWrong || !(error instanceof Error)) return this.#client.failure(error, title)
    return problem(
      {
        code: 'create-failed',
        title,
        cause: `The cluster answers: ${error.message.split('\n', 1)[0]}`,
        remedy: 'Correct the definition or the options, and try again.',
        detail: error.message,
      },
      error,
    )
  }

  async commit(id: string, signal: AbortSignal): Promise<void> {
    try {
      const { statefulSet, claim } = await this.#objects.of(id, signal)
      if (!statefulSet) throw workspaceGone(id, claim !== undefined)
      const all = Object.entries(statefulSet.metadata?.annotations ?? {})
      const told = all.filter(
        ([key]) =>
          key.startsWith('berth.dev/') &&
          key !== annotations.replacing &&
          key !== annotations.previous &&
          !isNoteKey(key),
      )
      const complete = { [annotations.complete]: 'true' }
      const steps = [
        async () => {
          if (claim)
            await this.#objects.patch('claims', objectName(id), {
              // What it was made from before it may not be made from now.
              metadata: {
                annotations: { [annotations.prebuild]: null, ...Object.fromEntries(told), ...complete },
              },
            })
        },
        () =>
          this.#objects.patch('statefulSets', objectName(id), {
            metadata: {
              annotations: { ...complete, [annotations.replacing]: null, [annotations.previous]: null },
            },
          }),
      ]
      // Should this process die between the two: a first creation is then incomplete with all that it has, and a
      // replacement is complete, with an older description at the claim.
      if (isComplete(statefulSet.metadata)) steps.reverse()
      // Before: failing, it is told while the replacement can still be taken back.
      if (isReplacing(statefulSet.metadata)) await this.#beside.settle(id, claim, statefulSet, signal)
      for (const step of steps) await step()
      await this.#removeUnusedSecrets(id, statefulSet)
    } catch (error) {
      throw this.#client.failure(error, 'The workspace could not be completed', signal)
    }
  }

  async discard(id: string, signal: AbortSignal): Promise<void> {
    try {
      await this.#takeBack(id, signal)
    } catch (error) {
      throw this.#client.failure(error, 'The workspace could not be cleaned up', signal)
    }
  }

  async #takeBack(id: string, signal: AbortSignal): Promise<void> {
    const { statefulSet, claim } = await this.#objects.of(id, signal)
    if (!statefulSet) {
      if (!claim) return this.#logins.takeBack(id)
      if (!isComplete(claim.metadata)) await this.#removeAll(id, signal)
      return
    }
    if (!isComplete(statefulSet.metadata)) return this.#removeAll(id, signal)
    if (!isReplacing(statefulSet.metadata)) return
    const previous = readPrevious(statefulSet.metadata)
    if (!previous) {
      await this.#objects.delete('statefulSets', objectName(id))
      await this.#objects.endPods(id, signal)
      for (const name of secretNames(id)) await this.#objects.delete('secrets', name)
      return this.#putBack(id, claim, statefulSet, signal)
    }
    await this.scaleDown(id, 1, signal)
    const committed = claim?.metadata?.annotations ?? statefulSet.metadata?.annotations ?? {}
    const restored = restoredStatefulSet(statefulSet, previous, committed)
    await this.#objects.apply('statefulSets', restored)
    await this.#removeUnusedSecrets(id, restored)
    await this.#putBack(id, claim, statefulSet, signal)
  }

  /** What cannot be put back of the objects beside it keeps nobody from the workspace, which is as it was by now. */
  async #putBack(
    id: string,
    claim: V1PersistentVolumeClaim | undefined,
    replacement: V1StatefulSet,
    signal: AbortSignal,
  ): Promise<void> {
    try {
      await this.#beside.putBack(id, claim, replacement, signal)
    } catch (error) {
      signal.throwIfAborted()
      this.#platform.logger.warn('kubernetes: objects beside a workspace could not be put back', {
        error: String(error),
      })
    }
  }

  async #removeUnusedSecrets(id: string, statefulSet: V1StatefulSet): Promise<void> {
    const used = secretsIn(statefulSet)
    for (const name of secretNames(id)) if (!used.includes(name)) await this.#objects.delete('secrets', name)
  }

  /** No replica, and no pod; `grace` in seconds. */
  async scaleDown(id: string, grace: number, signal: AbortSignal): Promise<void> {
    // The pod first, because who deletes it first says how long it may take; none is made anew while it ends.
    await this.#objects.delete('pods', podName(id), grace)
    await this.#objects.patch('statefulSets', objectName(id), { spec: { replicas: 0 } })
    await this.#objects.podGone(podName(id), signal)
    await this.#objects.endFilesPod(id, signal)
  }

  async remove(id: string, report: StepReport, signal: AbortSignal): Promise<void> {
    try {
      await this.#removeAll(id, signal, report)
    } catch (error) {
      throw this.#client.failure(error, 'The workspace could not be deleted', signal)
    }
  }

  async #removeAll(id: string, signal: AbortSignal, report?: StepReport): Promise<void> {
    report?.detail('Removing its pod')
    await this.#objects.delete('statefulSets', objectName(id))
    await Promise.all([
      this.#objects.delete('claims', objectName(id)),
      this.#objects.delete('networkPolicies', objectName(id)),
      ...[...secretNames(id), pullSecretName(id), keptSecretName(id)].map((name) =>
        this.#objects.delete('secrets', name),
      ),
      this.#objects.endPods(id, signal, (pod) => {
        const node = pod.spec?.nodeName
        report?.detail(`Waiting for its pod to end${node ? ` on node ${node}` : ''}`)
      }),
    ])
    report?.detail('Removing its volume')
    await this.#objects.gone('claims', objectName(id), signal)
    await this.#objects.gone('statefulSets', objectName(id), signal)
  }

  /** See {@link ClusterVerbs.putObjects}. */
  async putObjects(
    id: string,
    objects: readonly ClusterObject[],
    report: StepReport,
    signal: AbortSignal,
  ): Promise<void> {
    const title = 'The objects could not be put into the cluster'
    try {
      const { uid, deletionTimestamp } =
        (await this.#objects.get('claims', objectName(id), signal))?.metadata ?? {}
      if (uid === undefined || deletionTimestamp) throw workspaceGone(id, false)
      await this.#beside.put(id, uid, objects, report, signal)
    } catch (error) {
      if (signal.aborted) throw this.#client.failure(error, title, signal)
      throw this.#createFailure(error, title)
    }
  }

  /** At the claim, which is there as long as the workspace is. */
  async note(id: string, notes: WorkspaceNotes, signal: AbortSignal): Promise<void> {
    try {
      if (!(await this.#objects.get('claims', objectName(id), signal))) throw workspaceGone(id, false)
      await this.#objects.patch('claims', objectName(id), { metadata: { annotations: writeNotes(notes) } })
    } catch (error) {
      throw this.#client.failure(error, 'The workspace could not be changed', signal)
    }
  }

  async rename(id: string, name: string, signal: AbortSignal): Promise<void> {
    try {
      const { statefulSet, claim } = await this.#objects.of(id, signal)
      if (!statefulSet && !claim) throw workspaceGone(id, false)
      const before = (statefulSet ?? claim)?.metadata?.annotations?.[annotations.name]
      if (before === name) return
      if (isTaken(await this.#objects.claims(signal), id, name)) throw nameTaken(name)
      const call = async (wanted: string | null) => {
        const change = { metadata: { annotations: { [annotations.name]: wanted } } }
        // The claim first: it is what others look at for names.
        if (claim) await this.#objects.patch('claims', objectName(id), change)
        if (statefulSet) await this.#objects.patch('statefulSets', objectName(id), change)
      }
      await call(name)
      // Somebody else may have taken it meanwhile: who renames gives way.
      if (!isTaken(await this.#objects.claims(), id, name)) return
      await call(before ?? null)
      throw nameTaken(name)
    } catch (error) {
      throw this.#client.failure(error, 'The workspace could not be renamed', signal)
    }
  }
}

/** For what takes back: it is not given up half-way. */
const endless = new AbortController().signal

/** Names of the Secrets whose values a StatefulSet's pod gets from Berth. */
function secretsIn(statefulSet: V1StatefulSet): string[] {
  const env = statefulSet.spec?.template.spec?.containers.flatMap((container) => container.env ?? []) ?? []
  return env.map((one) => one.valueFrom?.secretKeyRef?.name).filter((name) => name !== undefined)
}

function madeElsewhere() {
  return problem({
    code: 'busy',
    title: 'The workspace is busy',
    cause: 'Somebody else is making its pod.',
    remedy: 'Wait until that is done, or cancel it there.',
  })
}

/** Throws where folders of a machine are to be mounted, which no cluster has. */
function refuseFolders({ definition, bindFolder }: WorkspaceSpec, title: string): void {
  const bind = [...definition.mounts, ...definition.services.flatMap((one) => one.mounts)].find(
    ({ type }) => type === 'bind',
  )
  const folder = bindFolder ?? bind?.source
  if (bindFolder === undefined && !bind) return
  throw problem({
    code: 'create-failed',
    title,
    cause: `"${folder ?? ''}" is a folder of a machine, which a cluster cannot mount.`,
    remedy:
      bindFolder !== undefined
        ? 'Let Berth copy the folder into the workspace, or choose a Docker target.'
        : 'Remove the mount from the definition, or choose a Docker target.',
  })
}
