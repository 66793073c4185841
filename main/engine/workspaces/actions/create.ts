import { join } from 'node:path'
import {
  type BuildGrants,
  type CreateInput,
  type DataSource,
  type Definition,
  deniedProblem,
  type IdlePolicy,
  type KubernetesOptions,
  type Operation,
  type Problem,
  ProblemError,
  problem,
  type Source,
  type Target,
  toProblem,
  type Workspace,
} from '#contract'
import { defaultDefinition } from '../../definitions/index'
import type { Driver, ResolvedImage, WorkspaceSpec } from '../../drivers/driver'
import { runInitialize } from '../commands'
import { cloneRepository } from '../git'
import type { Action } from '../guard'
import { localSecrets } from '../mask'
import type { Governance } from '../policy/governance'
import { lookForPrebuild, markOf, type Prebuilt } from '../prebuild/find'
import { type Builder, builderFor, findBuilderLater } from '../prebuild/late-builder'
import { updateSource } from '../prebuild/update-source'
import { phasesLeft, prebuiltSteps, preparePrebuilt, settlePrebuild } from '../prebuild/use'
import { seedData, seedSteps } from '../snapshots/actions'
import { findSource } from '../snapshots/source'
import { checkImage } from '../source/checks'
import {
  type DefinitionRequest,
  definitionContext,
  describeDefinition,
  readSource,
} from '../source/definition'
import { folderReader } from '../source/folder-reader'
import { deriveName, newWorkspaceId, sourceFolder, sourceFolderName, uniqueName } from '../source/name'
import { checkSource } from '../source/parse'
import { templatesOf } from '../source/templates'
import { trustFolder } from '../source/trusted-folder'
import { withTemporaryFolder } from '../temporary'
import { forgetBuilds } from './build-elsewhere'
import { type ActionContext, makingStep, silentReport, steps, together } from './context'
import { copySource } from './copy-source'
import { requireHost, requireHostOfImage } from './host'
import { imageSteps, needsFolder, type Prepared, prepareImage } from './image'
import { noteMishap, planPhases, runPhases } from './phases'
import { addRepositories } from './repositories'
import { type RightsAnswer, settleRights } from './rights'
import { addStarter, chosenStarter } from './starter'
import { beginTasks, planTasks } from './tasks'

/** A create that was checked, and can begin. */
export interface CreatePlan {
  readonly id: string
  readonly name: string
  readonly owner: string
  readonly createdAt: number
  readonly source: Source
  readonly target: Target
  readonly driver: Driver
  readonly request: DefinitionRequest
  /** Mounted instead of a volume. */
  readonly bindFolder?: string
  readonly governance: Governance
  readonly kubernetes?: KubernetesOptions
  readonly grants?: BuildGrants
  /** See {@link WorkspaceSpec}. */
  readonly labels?: WorkspaceSpec['labels']
  readonly limits?: WorkspaceSpec['limits']
  /** Absent: it is never stopped by itself. */
  readonly idle?: IdlePolicy
  readonly rights: RightsAnswer
  /** Of a folder that is copied. */
  readonly respectGitignore: boolean
  /** Whether a prebuild may be used. */
  readonly prebuild: boolean
  readonly dataFrom?: DataSource
  /** Name of a starter project. */
  readonly starter?: string
}

/** Checks what was asked for, as far as that needs no network. */
export async function planCreate(
  context: ActionContext,
  input: CreateInput,
  signal: AbortSignal,
): Promise<CreatePlan> {
  if (input.image !== undefined) checkImage(input.image)
  if (input.dataFrom) await findSource(context, input.dataFrom, signal)
  const source = checkSource(input.source, { home: context.platform.folders.home, cwd: process.cwd() })
  if (input.definitionText !== undefined && source.kind === 'image') throw noSource()
  const { target, driver } = await context.target(input.targetId, signal)
  const denied = deniedProblem(target, 'create')
  if (denied) throw problem(denied)
  if (input.kubernetes && target.kind !== 'kubernetes') throw ofClusters(target)
  const bindMounts = target.capabilities?.bindMounts === true
  if (input.respectGitignore && (source.kind !== 'folder' || bindMounts)) throw notCopied(source)
  const taken = context.takenNames()
  if (input.name !== undefined && taken.has(input.name)) throw nameTaken(input.name)
  const id = newWorkspaceId()
  const asked = { kubernetes: input.kubernetes, idle: input.idle, exists: false }
  const governance = await context.govern(target, driver, asked, signal)
  const { idle } = governance
  return {
    id,
    name: input.name ?? uniqueName(deriveName(source), taken),
    owner: context.owner,
    createdAt: context.platform.clock.now(),
    source,
    target,
    driver,
    request: {
      workspaceId: id,
      source,
      ...(input.image === undefined ? {} : { image: input.image }),
      ...(input.definitionPath === undefined ? {} : { definitionPath: input.definitionPath }),
      ...(input.definitionText === undefined ? {} : { definitionText: input.definitionText }),
      bindMounts,
      ...templatesOf(driver),
    },
    governance,
    ...(source.kind === 'folder' && bindMounts ? { bindFolder: source.path } : {}),
    respectGitignore: input.respectGitignore ?? context.platform.settings.get().respectGitignore,
    prebuild: input.prebuild !== false,
    ...(input.buildGrants && { grants: context.buildSecrets.hold(input.buildGrants) }),
    ...governance.additions,
    ...(idle ? { idle } : {}),
    rights: { allow: input.allowRights },
    ...(input.dataFrom ? { dataFrom: input.dataFrom } : {}),
    ...(input.starter === undefined ? {} : { starter: input.starter }),
  }
}

/** Says before anything is made that there is no room for it. Where that cannot be asked it shows later. */
async function requireRoom(
  { platform }: ActionContext,
  { driver, kubernetes }: CreatePlan,
  signal: AbortSignal,
): Promise<void> {
  const room = await driver.cluster?.room(kubernetes, signal).catch((error: unknown) => {
    signal.throwIfAborted()
    platform.logger.warn('The room for a workspace could not be read', { error: String(error) })
    return undefined
  })
  if (room?.problem) throw problem(room.problem)
}

function ofClusters({ name }: Target) {
  return problem({
    code: 'invalid-input',
    title: `Resources cannot be chosen on ${name}`,
    cause: 'It is a Docker engine: amounts, storage class, nodes, labels and the like are of a cluster.',
    remedy: 'Leave them out, or choose a Kubernetes target.',
  })
}

function noSource() {
  return problem({
    code: 'invalid-input',
    title: 'An image has no definition',
    cause: 'A definition goes with a git repository or a folder.',
    remedy: 'Leave it out, or make the workspace from a folder.',
  })
}

function notCopied(source: Source) {
  return problem({
    code: 'invalid-input',
    title: 'Nothing can be left out here',
    cause:
      source.kind === 'folder'
        ? "The folder is mounted, and so is the workspace's as it is."
        : 'Only of a folder that is copied some files can stay behind.',
    remedy: 'Leave the choice out, or copy a folder to a target that is not on this machine.',
  })
}

export function nameTaken(name: string) {
  return problem({
    code: 'name-taken',
    title: `The name ${name} is taken`,
    cause: 'Another workspace has it, and names are part of addresses.',
    remedy: 'Choose another name.',
  })
}

/** The record that shows until the target itself knows the workspace. */
function draftOf(context: ActionContext, plan: CreatePlan): Workspace {
  const definition = defaultDefinition(definitionContext(plan.request, context.platform))
  return {
    id: plan.id,
    targetId: plan.target.id,
    name: plan.name,
    state: 'creating',
    reason: 'Being created',
    source: plan.source,
    definition,
    image: definition.image ?? '',
    user: { name: '', uid: 0, gid: 0, home: '/' },
    owner: plan.owner,
    createdAt: plan.createdAt,
  }
}

/**
 * Makes a workspace. Until its lifecycle commands begin, failing or cancelling leaves nothing behind. Then it is
 * committed: a command that fails leaves a workspace that can be used, and so does a Berth that is killed; a cancel
 * before `waitFor` is reached still removes it all.
 */
export async function create(
  context: ActionContext,
  input: CreateInput,
  signal: AbortSignal,
): Promise<Operation> {
  const plan = await planCreate(context, input, signal)
  plan.governance.require()
  await requireRoom(context, plan, signal)
  const fields = {
    kind: 'create',
    workspaceId: plan.id,
    workspaceName: plan.name,
    targetId: plan.target.id,
    // The source as it was read: any credentials are gone from it.
    asked: { ...input, source: plan.source, targetId: plan.target.id },
  } as const
  return context.guard.begin(fields, draftOf(context, plan), (action) =>
    plan.governance.within(() => runCreate(context, plan, action)),
  )
}

/** Also goes on with a creation that was interrupted, in a rebuild. */
export async function runCreate(context: ActionContext, plan: CreatePlan, action: Action): Promise<void> {
  const { operation } = action
  const { driver, source } = plan
  const draft = draftOf(context, plan)
  operation.plan([steps.definition])
  const { definition, builder } = await operation.step('definition', async (report, signal) => {
    const read = await readSource(plan.governance.looking(plan.request), context.platform, report, signal)
    const definition = plan.governance.define(read.definition, report)
    chosenStarter(definition, plan.starter)
    const builder = await findBuilderLater(context, plan, definition, signal)
    await requireHost(context, driver, definition, report, signal, plan.kubernetes)
    report.result(describeDefinition(definition))
    return { definition, builder }
  })
  operation.hide(localSecrets(definition, context.platform.env))
  action.show({ draft: { ...draft, definition, image: definition.image ?? '' } })
  const looked = await lookForPrebuild(context, action, plan, definition)
  const elsewhere = builderFor(builder, definition, looked)
  const seeds = seedSteps(plan.dataFrom)
  const starter = chosenStarter(definition, plan.starter)
  const scratch = [
    ...(definition.lifecycle.initializeCommand ? [steps.initialize] : []),
    ...(source.kind === 'git' ? [steps.clone] : []),
    ...imageSteps(definition, elsewhere),
    makingStep(plan.target),
    ...(source.kind === 'image' || plan.bindFolder ? [] : [steps.copy]),
    ...seeds,
    steps.start,
  ]
  operation.plan(looked ? prebuiltSteps(looked, plan.target, definition, seeds, elsewhere) : scratch)
  operation.plan([
    ...(starter ? [steps.starter] : []),
    ...(definition.repositories.length > 0 ? [steps.repositories] : []),
  ])
  planPhases(action, definition, phasesLeft(looked))
  planTasks(action, definition, { first: !looked?.isSame })

  const forget = async () => {
    if ('elsewhere' in builder && builder.elsewhere) await forgetBuilds(context, builder.elsewhere, plan)
  }
  let spec: WorkspaceSpec
  let prebuilt: Prebuilt | undefined
  let missing: Problem | undefined
  try {
    ;({ spec, prebuilt } = await bringUp(context, plan, action, { definition, draft, builder, looked }))
    if (starter) await addStarter(context, action, driver, spec, starter)
    missing = await addRepositories(context, action, driver, spec)
  } catch (error) {
    await context.cleanUp(plan.target.id, plan.name, (to, signal) => to.discard(plan.id, signal))
    await forget()
    // Until the target has told that it is gone it would show as an interrupted creation.
    await context.settle(plan.id, (observed) => observed === undefined)
    throw ofNothingLeft(error)
  }
  try {
    await driver.commit(plan.id, operation.signal)
  } catch (error) {
    // Somebody else took the name meanwhile, say. How far it came is not known: all of it goes.
    await context.cleanUp(plan.target.id, plan.name, (to, signal) => to.remove(plan.id, silentReport, signal))
    await forget()
    await context.settle(plan.id, (observed) => observed === undefined)
    throw ofNothingLeft(error)
  }
  if (plan.idle) await keepIdlePolicy(context, plan, plan.idle, operation.signal)
  // In the background a cancel ends the commands and nothing more.
  let waiting = true
  try {
    await context.settle(plan.id, (observed) => observed?.complete === true)
    if (missing) context.mishap(plan.id, missing)
    await runPhases(context, action, spec.definition, phasesLeft(prebuilt), async () => {
      waiting = false
      await action.ready()
      await beginTasks(context, action, definition, { first: !prebuilt?.isSame })
    })
  } catch (error) {
    if (operation.signal.aborted && waiting) {
      await context.cleanUp(plan.target.id, plan.name, (to, signal) =>
        to.remove(plan.id, silentReport, signal),
      )
      await forget()
      await context.settle(plan.id, (observed) => observed === undefined)
    } else noteMishap(context, action, error)
    throw error
  }
}

/** A workspace that is not stopped by itself, though that was asked for, can be used all the same. */
async function keepIdlePolicy(
  context: ActionContext,
  { driver, id }: CreatePlan,
  idle: IdlePolicy,
  signal: AbortSignal,
): Promise<void> {
  try {
    await driver.note(id, { idle }, signal)
    await context.settle(id, (observed) => observed?.idle !== undefined)
  } catch (error) {
    if (!signal.aborted) context.mishap(id, toProblem(error))
  }
}

/** The workspace is gone: what the Problem says to do with it cannot be done, but to ask for it again. */
function ofNothingLeft(error: unknown): unknown {
  if (!(error instanceof ProblemError) || !error.problem.actions) return error
  const actions = error.problem.actions.filter(({ kind }) => kind !== 'workspace')
  return new ProblemError({ ...error.problem, actions }, { cause: error })
}

/** Everything up to a running container with the source in it. Gives the definition with what its image adds to it. */
async function bringUp(
  context: ActionContext,
  plan: CreatePlan,
  action: Action,
  made: {
    readonly definition: Definition
    readonly draft: Workspace
    readonly builder: Builder
    readonly looked: Prebuilt | undefined
  },
): Promise<{ readonly spec: WorkspaceSpec; readonly prebuilt: Prebuilt | undefined }> {
  const { operation } = action
  const { definition, draft, builder, looked } = made
  const { driver, source } = plan
  const initialize = definition.lifecycle.initializeCommand
  if (initialize && source.kind === 'folder') {
    await operation.step('initializeCommand', (report, signal) =>
      runInitialize(initialize, source.path, context.platform, report, signal),
    )
  }
  return withTemporaryFolder(context.platform, async (temporary) => {
    const clone = join(temporary, 'clone')
    const prepare = async (folder: string | undefined, signal: AbortSignal, wanted = definition) => {
      const reader = folder === undefined ? undefined : folderReader(folder)
      await plan.governance.checkBuild(definition, reader)
      return prepareImage(
        context,
        operation,
        {
          driver,
          definition: wanted,
          request: plan.request,
          elsewhere: builderFor(builder, wanted),
          folder,
          reader,
          temporary,
          refresh: false,
          grants: plan.grants,
          ...(plan.kubernetes === undefined ? {} : { kubernetes: plan.kubernetes }),
        },
        signal,
      )
    }
    let prepared: Prepared
    let prebuilt: Prebuilt | undefined
    if (source.kind === 'git') {
      const fetch = (signal: AbortSignal) =>
        operation.step(
          'clone',
          async (report, stepSignal) => {
            const { warning } = await cloneRepository(context.platform, source, clone, report, stepSignal)
            if (warning) report.output(`${warning}\n`)
            if (warning) report.result(warning)
          },
          signal,
        )
      if (looked) {
        const use = await settlePrebuild(context, action, plan, definition, { looked, builder }, clone, fetch)
        const get = (wanted?: Definition) => prepare(use.folder, operation.signal, wanted)
        prebuilt = use.prebuilt
        prepared = prebuilt ? await preparePrebuilt(definition, prebuilt, get) : await get()
      } else if (needsFolder(definition)) {
        await fetch(operation.signal)
        prepared = await prepare(clone, operation.signal)
      } else {
        const [, made] = await together(operation, fetch, (signal) => prepare(undefined, signal))
        prepared = made
      }
    } else prepared = await prepare(source.kind === 'folder' ? source.path : undefined, operation.signal)

    // Policies have a say in what the user allows.
    const allowed = settleRights(prepared.definition, plan.rights, driver, plan.bindFolder)
    const { image, definition: merged } = plan.governance.settle({ ...prepared, definition: allowed })
    planPhases(action, merged, phasesLeft(prebuilt))
    action.show({ draft: { ...draft, definition: merged, image: image.reference, user: image.user } })
    const mark = prebuilt && { prebuild: markOf(prebuilt.image.record) }
    const spec = { ...specOf(plan, merged, image), ...mark }
    await operation.step('create', async (report, signal) => {
      await requireHostOfImage(context, driver, definition, merged, report, signal, plan.kubernetes)
      await driver.create(spec, { replace: false }, report, signal)
      await trustFolder(driver, spec, context.platform.logger, signal)
    })
    if ((source.kind === 'git' && !prebuilt) || (source.kind === 'folder' && !plan.bindFolder)) {
      const folder = source.kind === 'git' ? clone : source.path
      const unignored = source.kind === 'folder' && plan.respectGitignore
      await copySource(context, action, driver, spec, { folder, unignored })
    }
    const seeded = { name: plan.name, definition: merged, targetId: plan.target.id, driver }
    await seedData(context, operation, seeded, plan.dataFrom)
    await operation.step('start', (report, signal) => driver.start(plan.id, report, signal))
    if (prebuilt && !prebuilt.isWhole) await updateSource(action, driver, spec, prebuilt, clone)
    return { spec, prebuilt }
  })
}

export function specOf(
  plan: Pick<
    CreatePlan,
    'id' | 'name' | 'owner' | 'source' | 'createdAt' | 'bindFolder' | 'kubernetes' | 'labels' | 'limits'
  >,
  definition: Definition,
  image: ResolvedImage,
): WorkspaceSpec {
  const { id, name, owner, source, createdAt, bindFolder, kubernetes, labels, limits } = plan
  return {
    id,
    name,
    owner,
    source,
    definition,
    image,
    createdAt,
    sourceFolder: sourceFolder(definition, sourceFolderName(source)),
    ...(bindFolder === undefined ? {} : { bindFolder }),
    ...(kubernetes === undefined ? {} : { kubernetes }),
    ...(labels && { labels }),
    ...(limits && { limits }),
  }
}
