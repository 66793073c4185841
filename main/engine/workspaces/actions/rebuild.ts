import { existsSync } from 'node:fs'
import { join } from 'node:path'
import {
  type BuildGrants,
  type Definition,
  type KubernetesOptions,
  type Operation,
  ProblemError,
  problem,
  type RequestParsed,
  type Target,
  type Workspace,
} from '#contract'
import { askedImage, type RepositoryReader } from '../../definitions/index'
import type { Driver, ObservedWorkspace, WorkspaceSpec } from '../../drivers/driver'
import { workspacePhases } from '../commands'
import { cloneRepository } from '../git'
import type { Action } from '../guard'
import type { Governance } from '../policy/governance'
import {
  type DefinitionRequest,
  describeDefinition,
  isGiven,
  readFrom,
  readSource,
} from '../source/definition'
import { folderReader } from '../source/folder-reader'
import { sourceFolder, sourceFolderName } from '../source/name'
import { templatesOf } from '../source/templates'
import { trustFolder } from '../source/trusted-folder'
import { untar } from '../source/untar'
import { volumeReader } from '../source/volume-reader'
import { withTemporaryFolder } from '../temporary'
import { findBuilder } from './build-elsewhere'
import { type ActionContext, makingStep, silentReport, steps } from './context'
import { runCreate, specOf } from './create'
import { requireHost, requireHostOfImage } from './host'
import { imageSteps, needsFolder, prepareImage } from './image'
import { planPhases, runPhases } from './phases'
import { addRepositories } from './repositories'
import { type RightsAnswer, settleRights } from './rights'
import { beginTasks, planTasks } from './tasks'

/**
 * Makes the container anew from what the source says now, and keeps the source and the home folder. Until everything
 * that the workspace waits for has succeeded the old one is kept: a failure or a cancel brings it back as it was.
 */
export async function rebuild(
  context: ActionContext,
  { workspaceId, allowRights, buildGrants }: RequestParsed<'workspaces.rebuild'>,
  signal: AbortSignal,
): Promise<Operation> {
  const workspace = context.workspace(workspaceId)
  const grants = context.buildSecrets.hold(buildGrants)
  const { target, driver } = await context.target(workspace.targetId, signal)
  // What it was made with is held against what the team says now.
  const made = context.observed(workspaceId)?.kubernetes
  const asked = { kubernetes: made, idle: undefined, exists: true }
  const governance = await context.govern(target, driver, asked, signal)
  governance.require()
  const fields = {
    kind: 'rebuild',
    workspaceId,
    workspaceName: workspace.name,
    targetId: target.id,
  } as const
  const act = async (action: Action) => {
    const observed = context.observed(workspaceId)
    if (!observed) throw notFound(workspace.name)
    context.mishap(workspaceId, undefined)
    const bindMounts = target.capabilities?.bindMounts === true
    const asked = askedImage(workspace.definition)
    const request: DefinitionRequest = {
      workspaceId,
      source: workspace.source,
      ...(asked === undefined ? {} : { image: asked }),
      ...(workspace.definition.path === undefined ? {} : { definitionPath: workspace.definition.path }),
      ...(isGiven(workspace.definition) ? { given: workspace.definition } : {}),
      bindMounts,
      ...templatesOf(driver),
    }
    const bindFolder = workspace.source.kind === 'folder' && bindMounts ? workspace.source.path : undefined
    if (bindFolder !== undefined && !existsSync(bindFolder)) throw folderGone(bindFolder)
    const { name, owner, source, createdAt } = workspace
    const plan = {
      id: workspaceId,
      name,
      owner,
      createdAt,
      source,
      target,
      driver,
      request,
      rights: { allow: allowRights, allowed: workspace.definition.container?.allowed },
      governance,
      ...governance.additions,
      ...(bindFolder === undefined ? {} : { bindFolder }),
      ...(grants && { grants }),
    }
    if (!observed.complete) {
      // What was copied may be half of it: begun again from the start, as it was asked for.
      await driver.discard(workspaceId, action.signal)
      const { respectGitignore } = context.platform.settings.get()
      await runCreate(context, { ...plan, respectGitignore, prebuild: true }, action)
    } else await replace(context, { ...plan, workspace, observed }, action)
  }
  return context.guard.begin(fields, undefined, (action) => governance.within(() => act(action)))
}

interface RebuildPlan {
  readonly id: string
  readonly name: string
  readonly owner: string
  readonly createdAt: number
  readonly source: Workspace['source']
  readonly target: Target
  readonly driver: Driver
  readonly request: DefinitionRequest
  readonly rights: RightsAnswer
  readonly governance: Governance
  readonly kubernetes?: KubernetesOptions
  readonly labels?: WorkspaceSpec['labels']
  readonly limits?: WorkspaceSpec['limits']
  readonly bindFolder?: string
  readonly grants?: BuildGrants
  readonly workspace: Workspace
  readonly observed: ObservedWorkspace
}

async function replace(context: ActionContext, plan: RebuildPlan, action: Action): Promise<void> {
  const { operation } = action
  const { driver, observed } = plan
  if (observed.replacing) await driver.discard(plan.id, action.signal)
  operation.plan([steps.definition])
  const { definition, elsewhere } = await operation.step('definition', async (report, signal) => {
    const definition = plan.governance.define(await readCurrent(context, plan, signal), report)
    const elsewhere = await findBuilder(context, plan.target, definition, observed.kubernetes, signal)
    if (!driver.cluster) await requireHost(context, driver, definition, report, signal)
    report.result(describeDefinition(definition))
    return { definition, elsewhere }
  })
  const missing = observed.run === 'missing'
  const fetches = needsFolder(definition) && plan.bindFolder === undefined
  operation.plan([
    ...(fetches ? [steps.fetch] : []),
    ...imageSteps(definition, elsewhere),
    makingStep(plan.target, !missing),
    steps.start,
    ...(definition.repositories.length > 0 ? [steps.repositories] : []),
  ])
  planPhases(action, definition, workspacePhases)
  planTasks(action, definition, { first: false })

  let committed = false
  try {
    const spec = await withTemporaryFolder(context.platform, async (temporary) => {
      const folder = fetches ? await fetchSource(context, plan, action, temporary) : plan.bindFolder
      const reader = folder === undefined ? undefined : folderReader(folder)
      await plan.governance.checkBuild(definition, reader)
      const made = await prepareImage(context, operation, {
        driver,
        definition,
        request: plan.request,
        elsewhere,
        folder,
        reader,
        temporary,
        // A build takes what the engine has: made to ask, it would fail wherever no registry answers.
        refresh: definition.build === undefined,
        anew: true,
        grants: plan.grants,
      })
      // Policies have a say in what the user allows.
      const allowed = settleRights(made.definition, plan.rights, driver, plan.bindFolder)
      const { image, definition: merged } = plan.governance.settle({ ...made, definition: allowed })
      planPhases(action, merged, workspacePhases)
      const spec = specOf(plan, merged, image)
      action.show({ override: { definition: merged, user: image.user, image: image.reference } })
      await operation.step('create', async (report, signal) => {
        // Of a cluster's room the workspace itself has its part.
        if (!driver.cluster) await requireHostOfImage(context, driver, definition, merged, report, signal)
        await driver.create(spec, { replace: !missing }, report, signal)
        await trustFolder(driver, spec, context.platform.logger, signal)
      })
      return spec
    })
    await operation.step('start', (report, signal) => driver.start(plan.id, report, signal))
    const unclonable = await addRepositories(context, action, driver, spec)
    if (unclonable) context.mishap(plan.id, unclonable)
    await runPhases(context, action, spec.definition, workspacePhases, async () => {
      await driver.commit(plan.id, operation.signal)
      committed = true
      await context.settle(
        plan.id,
        (now) => now?.complete === true && !now.replacing && now.run === 'running',
      )
      await action.ready()
      await beginTasks(context, action, definition, { first: false })
    })
  } catch (error) {
    // What somebody else is making is not ours to take back.
    const elsewhere = error instanceof ProblemError && error.problem.code === 'busy'
    if (!committed && !elsewhere) await bringBack(context, plan)
    throw error
  }
}

/** The old container as it was, running if it ran. */
async function bringBack(context: ActionContext, plan: RebuildPlan): Promise<void> {
  const { run } = plan.observed
  await context.cleanUp(plan.target.id, plan.name, async (driver, signal) => {
    await driver.discard(plan.id, signal)
    if (run === 'running') await driver.start(plan.id, silentReport, signal)
  })
  await context.settle(
    plan.id,
    (now) => now?.replacing !== true && (run !== 'running' || now?.run === 'running'),
  )
}

/** The definition as the workspace's own source has it now; where that cannot be read, as its origin has it. */
async function readCurrent(
  context: ActionContext,
  plan: RebuildPlan,
  signal: AbortSignal,
): Promise<Definition> {
  const { platform } = context
  const { request, workspace } = plan
  const reader = readerOf(plan, signal)
  if (!reader) {
    const { definition } = await readSource(request, platform, silentReport, signal)
    return keepPlace(definition, workspace)
  }
  const { definitionPath, ...rest } = request
  // A file that is gone by now is no reason to fail: another may have taken its place.
  const still = definitionPath !== undefined && (await reader.exists(definitionPath))
  const { definition } = await readFrom(reader, still ? request : rest, platform, silentReport, signal)
  return keepPlace(definition, workspace)
}

function readerOf(plan: RebuildPlan, signal: AbortSignal): RepositoryReader | undefined {
  if (plan.source.kind === 'image') return undefined
  if (plan.bindFolder !== undefined) return folderReader(plan.bindFolder)
  if (plan.observed.run === 'missing') return undefined
  const root = sourceFolder(plan.workspace.definition, sourceFolderName(plan.source))
  return volumeReader(root, (path, stop) => plan.driver.read(plan.id, path, stop), signal)
}

/** The source stays where it was copied to: a definition that wants it elsewhere is not followed in that. */
function keepPlace(definition: Definition, { definition: old, source }: Workspace): Definition {
  const name = sourceFolderName(source)
  if (sourceFolder(definition, name) === sourceFolder(old, name)) return definition
  const { sourceFolder: _wanted, ...rest } = definition
  return {
    ...rest,
    workspaceFolder: old.workspaceFolder,
    ...(old.sourceFolder === undefined ? {} : { sourceFolder: old.sourceFolder }),
    notApplied: [
      ...definition.notApplied,
      { field: 'workspaceFolder', reason: `the source stays at ${old.workspaceFolder}, where it was made` },
    ],
  }
}

/** Brings the source to this machine, for a build. */
async function fetchSource(
  context: ActionContext,
  plan: RebuildPlan,
  action: Action,
  temporary: string,
): Promise<string> {
  const folder = join(temporary, 'source')
  const { source, workspace, driver } = plan
  await action.operation.step('fetch', async (report, signal) => {
    if (plan.observed.run !== 'missing') {
      const root = sourceFolder(workspace.definition, sourceFolderName(source))
      await untar(await driver.read(plan.id, root, signal), folder)
    } else if (source.kind === 'git') {
      await cloneRepository(context.platform, source, folder, report, signal)
    }
  })
  return source.kind === 'folder' && plan.observed.run === 'missing' ? source.path : folder
}

function folderGone(folder: string) {
  return problem({
    code: 'folder-not-found',
    title: `There is no folder ${folder}`,
    cause: 'It is the source of this workspace, and was moved or deleted.',
    remedy: 'Put it back, and rebuild then.',
  })
}

function notFound(name: string) {
  return problem({
    code: 'not-found',
    title: `There is no workspace ${name}`,
    cause: 'It was deleted in between.',
    remedy: 'Make a new one from its source.',
  })
}
