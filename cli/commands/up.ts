import { statSync } from 'node:fs'
import { resolve } from 'node:path'
import {
  CLUSTER_BUILDER,
  type CreateInput,
  defaultTarget,
  kubernetesTargetId,
  parseKubernetesTargetId,
  type Source,
  type Target,
} from '#contract'
import type { Engine } from '../../main/engine/engine'
import { describePrebuild } from '../../main/engine/workspaces/prebuild/words'
import { arm } from '../accompany'
import { type BuildOptions, buildGrants } from '../build-options'
import { type ClusterOptions, clusterOptions } from '../cluster-options'
import { commandName } from '../command-name'
import { isAttended } from '../consent'
import type { CommandContext } from '../execute'
import { UsageError } from '../exit-codes'
import { giveSecrets } from '../given-secrets'
import { actionDocument, runOperation } from '../operation'
import { rightsLines } from '../rights-text'
import { roomLine } from '../room-text'
import { findTarget, settled } from '../select'
import { printable } from '../text'
import { sourceText, workspaceLabel } from '../workspace-document'
import { dataSource } from './data'
import { notArmed, parseIdleTime, policyOf } from './idle'
import { describeProposal } from './init'
import { type TemplateUse, usedTemplate } from './templates'

export interface UpOptions extends ClusterOptions, BuildOptions, TemplateUse {
  readonly image?: string
  readonly name?: string
  readonly target?: string
  readonly namespace?: string
  readonly createNamespace?: boolean
  readonly branch?: string
  readonly definition?: string
  /** Use what is proposed where the source has no definition. */
  readonly detect?: boolean
  readonly respectGitignore?: boolean
  /** False: from scratch. */
  readonly prebuild?: boolean
  /** As {@link parseIdleTime} reads it. */
  readonly idle?: string
  readonly idleWhileClosed?: boolean
  readonly allowRights?: boolean
  /** `workspace` or `workspace@snapshot`. */
  readonly dataFrom?: string
  /** Names. */
  readonly secret?: readonly string[]
  /** A repository, or `none`. */
  readonly dotfiles?: string
  /** Name of a starter project of the definition. */
  readonly starter?: string
}

/** `berth up`: makes a workspace and waits until it is ready. */
export async function up(
  context: CommandContext,
  text: string | undefined,
  options: UpOptions,
): Promise<undefined> {
  const engine = await context.engine({ attended: () => isAttended(context.console) })
  const asked = await createInput(context, engine, text, options)
  const input = { ...asked, ...(await giveSecrets(context, engine, asked, options.secret)) }
  await tellRoom(context, engine, input)
  const result = await runOperation(context, engine, () =>
    engine.call('workspaces.create', input, context.signal),
  )
  const isArmed = !result.workspace || (await arm(engine, result.workspace.id, context.signal))
  if (context.json) {
    context.document(actionDocument(result))
    return
  }
  const { workspace } = result
  if (!workspace) return
  const label = workspaceLabel(engine, workspace)
  if (workspace.definition.imageIsDefault)
    context.say(`The definition names no image; the default one is used: ${workspace.definition.image ?? ''}`)
  if (workspace.prebuild) context.say(`Made from a prebuild: ${describePrebuild(workspace.prebuild)}.`)
  for (const line of rightsLines(workspace.definition)) context.say(line)
  for (const { policy, text } of workspace.definition.policy ?? [])
    context.say(`Team policy ${policy}: ${printable(text)}.`)
  for (const { field, reason } of workspace.definition.notApplied)
    context.say(`Not applied: ${field} (${reason})`)
  context.print(workspace.name)
  if (!isArmed) context.say(notArmed(undefined))
  // What went wrong without keeping anybody from working.
  if (workspace.reason.includes('; ')) context.say(printable(workspace.reason))
  context.say(`${label} is ${workspace.state}. Enter it with \`${commandName()} terminal ${label}\`.`)
  if (workspace.definition.forwardPorts.length > 0)
    context.say(
      `Open its ports with \`${commandName()} serve ${label}\`: ${workspace.definition.forwardPorts.join(', ')}.`,
    )
}

/** What its quotas leave, where a cluster is meant. That something does not fit `create` says. */
async function tellRoom(context: CommandContext, engine: Engine, input: CreateInput): Promise<void> {
  const { kubernetes } = input
  const list = engine.collections.targets.list()
  const preferred = engine.collections.settings.get('settings')?.value.defaultTarget
  const targetId = input.targetId ?? preferred ?? defaultTarget(list)?.id
  if (context.quiet || context.json || !targetId?.startsWith('kubernetes:')) return
  const room = await engine
    .call('targets.room', { targetId, ...(kubernetes && { kubernetes }) }, context.signal)
    .catch(() => undefined)
  const line = room && roomLine(room)
  if (line) context.say(line)
}

/** The id of the target that builds, or the word for the cluster itself. */
async function builderOf(
  context: CommandContext,
  engine: Engine,
  { builder }: UpOptions,
): Promise<string | undefined> {
  if (builder === CLUSTER_BUILDER) return builder
  const chosen = await chosenTarget(context, engine, builder === undefined ? {} : { target: builder })
  return chosen.targetId
}

async function createInput(
  context: CommandContext,
  engine: Engine,
  text: string | undefined,
  options: UpOptions,
): Promise<CreateInput> {
  if (text === undefined && options.image === undefined)
    throw new UsageError('Say what to make the workspace from: a git URL, a folder, or --image.')
  const builder = await builderOf(context, engine, options)
  const kubernetes = clusterOptions({ ...options, ...(builder === undefined ? {} : { builder }) })
  if (options.detect && options.definition !== undefined)
    throw new UsageError('--detect and --definition exclude each other.')
  if (options.idleWhileClosed && options.idle === undefined)
    throw new UsageError('--idle-while-closed goes with --idle.')
  const minutes = options.idle === undefined ? undefined : parseIdleTime(options.idle)
  const grants = buildGrants(options)
  const shared = {
    ...(grants && { buildGrants: grants }),
    ...(minutes === undefined
      ? {}
      : { idle: minutes === null ? null : policyOf(minutes, options.idleWhileClosed) }),
    ...(kubernetes === undefined ? {} : { kubernetes }),
    ...(options.allowRights ? { allowRights: true } : {}),
    ...(options.name === undefined ? {} : { name: options.name }),
    ...(options.respectGitignore === undefined ? {} : { respectGitignore: options.respectGitignore }),
    ...(options.prebuild === false ? { prebuild: false } : {}),
    ...(options.starter === undefined ? {} : { starter: options.starter }),
    ...(options.dotfiles === undefined ? {} : { dotfiles: dotfilesOf(engine, options.dotfiles) }),
    ...(options.definition === undefined ? {} : { definitionPath: options.definition }),
    ...(options.dataFrom === undefined
      ? {}
      : { dataFrom: await dataSource(engine, options.dataFrom, context.signal) }),
    ...(await chosenTarget(context, engine, options)),
  }
  if (text === undefined) {
    if (options.branch !== undefined) throw new UsageError('--branch goes with a git URL.')
    if (options.detect) throw new UsageError('--detect goes with a git URL or a folder.')
    if (options.template !== undefined) throw new UsageError('--template goes with a git URL or a folder.')
    return { source: { kind: 'image', image: options.image ?? '' }, ...shared }
  }
  const { source, below } = await engine.call(
    'sources.parse',
    { text: asTyped(text), ...(options.branch === undefined ? {} : { branch: options.branch }) },
    context.signal,
  )
  if (below !== undefined)
    context.say(
      `The link leads to ${printable(below)}; the workspace gets the whole repository, ${sourceText(source)}.`,
    )
  const definitionText =
    (await usedTemplate(context, engine, options)) ??
    (options.detect ? await proposed(context, engine, source) : undefined)
  return {
    source,
    ...(options.image === undefined ? {} : { image: options.image }),
    ...(definitionText === undefined ? {} : { definitionText }),
    ...shared,
  }
}

/** With the place and command that the settings give for the same repository. */
function dotfilesOf(engine: Engine, repository: string): CreateInput['dotfiles'] {
  if (repository === 'none') return null
  const usual = engine.collections.settings.get('settings')?.value.dotfiles
  return usual?.repository === repository ? usual : { repository }
}

/** The text of the definition that the source's files suggest; undefined where it has one, or they tell nothing. */
async function proposed(
  context: CommandContext,
  engine: Engine,
  source: Source,
): Promise<string | undefined> {
  const { candidates, proposal } = await engine.call('definitions.propose', { source }, context.signal)
  if (proposal) {
    context.say(`Detected: ${describeProposal(proposal)}.`)
    return proposal.text
  }
  context.say(
    candidates.length > 0
      ? `The source has a definition, which is used: ${printable(candidates[0] ?? '')}.`
      : 'Its files do not tell what it needs; the default image is used.',
  )
  return undefined
}

/** A folder is meant as seen from where the command runs, which is this process's affair and not the engine's. */
function asTyped(text: string): string {
  return statSync(text, { throwIfNoEntry: false })?.isDirectory() ? resolve(text) : text
}

async function chosenTarget(
  context: CommandContext,
  engine: Engine,
  { target: text, namespace, createNamespace }: UpOptions,
): Promise<{ targetId?: string }> {
  const targets = () => engine.collections.targets.list()
  if (createNamespace && namespace === undefined && text?.startsWith('kubernetes:') !== true)
    throw new UsageError('--create-namespace goes with --namespace.')
  if (text === undefined && namespace === undefined) return {}
  const named = targets().find(({ id, name }) => id === text || name === text)
  if (!named || namespace !== undefined) await settled(engine, context.signal)
  const place = placeOf(text, targets())
  if (namespace === undefined && !(place && createNamespace)) {
    if (named) return { targetId: named.id }
    if (!place) return { targetId: findTarget(text ?? '', targets()).id }
  }
  const base = place?.base ?? clusterTarget(text, targets(), engine)
  const wanted = namespace ?? place?.namespace ?? ''
  const id = kubernetesTargetId(parseKubernetesTargetId(base.id).context, wanted)
  const there = targets().some((one) => one.id === id)
  if (there && !createNamespace) return { targetId: id }
  const { targetId } = await engine.call(
    'targets.addNamespace',
    { targetId: base.id, namespace: wanted, create: createNamespace === true },
    context.signal,
  )
  if (!there) context.say(`The namespace ${wanted} is a target from now on: ${targetId}.`)
  return { targetId }
}

/** A namespace that is no target yet, written as one, of a context that is known. */
function placeOf(
  text: string | undefined,
  targets: readonly Target[],
): { readonly base: Target; readonly namespace: string } | undefined {
  if (!text?.startsWith('kubernetes:')) return undefined
  const { context, namespace } = parseKubernetesTargetId(text)
  const base = targets.find(
    ({ id, kind }) => kind === 'kubernetes' && parseKubernetesTargetId(id).context === context,
  )
  return base && { base, namespace }
}

/** The cluster of which a namespace is meant: the named one, else kubectl's own, else the only one. */
function clusterTarget(text: string | undefined, targets: readonly Target[], engine: Engine): Target {
  if (text !== undefined) {
    const found = findTarget(text, targets)
    if (found.kind === 'kubernetes') return found
    throw new UsageError(`--namespace goes with a Kubernetes target, and ${found.name} is a Docker engine.`)
  }
  const clusters = targets.filter(({ kind }) => kind === 'kubernetes')
  const preferred = engine.collections.settings.get('settings')?.value.defaultTarget
  const chosen =
    clusters.find(({ id }) => id === preferred) ??
    clusters.find(({ isDefault }) => isDefault) ??
    (clusters.length === 1 ? clusters[0] : undefined)
  if (chosen) return chosen
  throw new UsageError(
    clusters.length === 0
      ? '--namespace: there is no Kubernetes context.'
      : '--namespace: say of which cluster with --target.',
  )
}
