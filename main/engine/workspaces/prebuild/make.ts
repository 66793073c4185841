import { join } from 'node:path'
import {
  type Definition,
  type Operation,
  type PrebuildInput,
  ProblemError,
  problem,
  type Source,
  type Target,
} from '#contract'
import { taskLine } from '../../definitions/tasks'
import type { ResolvedImage, WorkspaceSpec } from '../../drivers/driver'
import { aliasOf } from '../../platform/image-aliases'
import { shellQuoted } from '../../platform/shell-quoted'
import { type ActionContext, makingStep, phaseStep, silentReport, steps } from '../actions/context'
import { copySource } from '../actions/copy-source'
import { specOf } from '../actions/create'
import { imageSteps, prepareImage } from '../actions/image'
import { addRepositories } from '../actions/repositories'
import { runCommand, runPhase, splitPhases } from '../commands'
import { cloneRepository, type GitSource } from '../git'
import type { Action } from '../guard'
import type { Governance } from '../policy/governance'
import { checkImage } from '../source/checks'
import { type DefinitionRequest, describeDefinition, readSource } from '../source/definition'
import { folderReader } from '../source/folder-reader'
import { deriveName, newWorkspaceId } from '../source/name'
import { checkSource } from '../source/parse'
import { templatesOf } from '../source/templates'
import { withTemporaryFolder } from '../temporary'
import { buildInputs } from './build-inputs'
import { commitOf } from './commits'
import { fieldsOf } from './fields'
import { lookStep, lookUp } from './find'
import { forgetMaker } from './forget-maker'
import { commandsInside, withoutLocal } from './inside'
import { prebuildIdOf, refOf } from './match'
import { findPlace, type PrebuildPlace, refusePlace } from './place'
import { requireReadable } from './readable'
import { prebuildTag } from './registry-store'
import { describePrebuild } from './words'

/** What runs once, whoever the workspace is for (containers.dev, "Lifecycle scripts"). */
const oncePhases = ['onCreateCommand', 'updateContentCommand'] as const
const askStep = (repository: string) => ({
  id: 'ask',
  title: `Asking whether ${repository} can be pushed to`,
})
const pushStep = (repository: string) => ({ id: 'push', title: `Pushing it to ${repository}` })
const keepStep = { id: 'keep', title: 'Keeping it as an image' }
const tasksStep = { id: 'tasks', title: 'Running what its tasks do once' }

interface Plan extends PrebuildPlace {
  readonly id: string
  readonly prebuildId: string
  readonly name: string
  readonly source: GitSource
  /** Whose workspaces it is for. */
  readonly target: Target
  readonly request: DefinitionRequest
  readonly governance: Governance
  readonly force: boolean
}

/** Makes a prebuild. Failing or cancelled it leaves nothing, and an older one stays. */
export async function makePrebuild(
  context: ActionContext,
  input: PrebuildInput,
  signal: AbortSignal,
): Promise<{ readonly operation: Operation; readonly prebuildId: string }> {
  if (input.image !== undefined) checkImage(input.image)
  const source = checkSource(input.source, { home: context.platform.folders.home, cwd: process.cwd() })
  if (source.kind !== 'git') throw ofNoRepository(source)
  const { target, driver } = await context.target(input.targetId, signal)
  refusePlace(target, input.build)
  const id = newWorkspaceId()
  const prebuildId = prebuildIdOf(source, input)
  const name = deriveName(source)
  const request: DefinitionRequest = {
    workspaceId: id,
    source,
    ...(input.image === undefined ? {} : { image: input.image }),
    ...(input.definitionPath === undefined ? {} : { definitionPath: input.definitionPath }),
    bindMounts: target.capabilities?.bindMounts === true,
    ...templatesOf(driver),
  }
  const kubernetes = input.build && { build: input.build }
  const wanted = { kubernetes, idle: undefined, exists: false }
  const governance = await context.govern(target, driver, wanted, signal)
  governance.require()
  const place = await findPlace(context, target, driver, governance.additions.kubernetes, signal)
  const { force } = input
  const plan = { ...place, id, prebuildId, name, source, target, request, governance, force }
  const fields = { kind: 'prebuild', workspaceId: id, workspaceName: name, targetId: target.id } as const
  const operation = await context.guard.begin(fields, undefined, (action) =>
    governance.within(() => run(context, plan, action)),
  )
  return { operation, prebuildId }
}

async function run(context: ActionContext, plan: Plan, action: Action): Promise<void> {
  const { operation } = action
  const { platform } = context
  operation.plan([steps.definition, lookStep])
  const asked = await operation.step('definition', async (report, signal) => {
    const read = await readSource(plan.governance.looking(plan.request), platform, report, signal)
    const definition = plan.governance.define(read.definition, report)
    report.result(describeDefinition(definition))
    return definition
  })
  const isThere = await operation.step(lookStep.id, async (report, signal) => {
    const looked = await lookUp(platform, plan, asked, signal)
    const { prebuilt, text = '' } = looked ?? {}
    const isOwn = prebuilt?.isSame === true && prebuilt.image.record.id === plan.prebuildId
    report.result(isOwn ? `There is one: ${describePrebuild(prebuilt.image.record)}` : text)
    return isOwn
  })
  if (isThere && !plan.force) return
  const definition = withoutLocal(asked)
  const { push } = plan
  operation.plan([
    ...(push ? [askStep(push.repository)] : []),
    steps.clone,
    ...imageSteps(definition, undefined),
    makingStep({ kind: 'docker' }),
    steps.copy,
    ...(definition.repositories.length > 0 ? [steps.repositories] : []),
  ])
  planOnce(action, definition)
  try {
    await checkPush(plan, action)
    await withTemporaryFolder(platform, (temporary) =>
      bringAbout(context, plan, action, { asked, definition, temporary }),
    )
  } catch (error) {
    throw ofNothingLeft(error)
  } finally {
    // For others than the engine it was made on, nothing of it stays there.
    await context.cleanUp(plan.engine.id, `the making of a prebuild of ${plan.name}`, (driver, signal) =>
      plan.push ? driver.remove(plan.id, silentReport, signal) : driver.discard(plan.id, signal),
    )
  }
}

/** Before all is made for nothing. */
async function checkPush({ id, push }: Plan, { operation }: Action): Promise<void> {
  if (!push) return
  const { publisher, repository } = push
  await operation.step('ask', async (report, signal) => {
    // Of a tag that there is not, as nothing shall be there.
    await publisher.check?.(`${repository}:berth-prebuild-${id}`, report, signal)
  })
}

/** What an image or Feature brings is known later: then it is planned again. */
function planOnce({ operation }: Action, definition: Definition): void {
  const { before, after } = splitPhases(definition, oncePhases)
  operation.plan([...before, ...after].map(phaseStep))
  if (onceTasks(definition).length > 0) operation.plan([tasksStep])
}

async function bringAbout(
  context: ActionContext,
  plan: Plan,
  action: Action,
  made: { readonly asked: Definition; readonly definition: Definition; readonly temporary: string },
): Promise<void> {
  const { operation } = action
  const { platform } = context
  const { source, driver, prebuilds, request, id, push } = plan
  const { definition, temporary } = made
  const clone = join(temporary, 'clone')
  const commit = await operation.step('clone', async (report, signal) => {
    const { warning } = await cloneRepository(platform, source, clone, report, signal)
    if (warning) report.output(`${warning}\n`)
    if (warning) report.result(warning)
    const head = await commitOf(platform, source, clone, signal)
    await forgetMaker(clone)
    return head
  })
  const reader = folderReader(clone)
  await plan.governance.checkBuild(definition, reader)
  const anyhow = await prepareImage(context, operation, {
    driver,
    definition,
    request,
    elsewhere: undefined,
    folder: clone,
    reader,
    temporary,
    // As a rebuild has it: asked for anew, it stands on what the registry has now.
    refresh: plan.force && definition.build === undefined,
    anew: plan.force,
    // What it holds others take: nothing of this machine goes into it.
    grants: undefined,
  })
  const prepared = plan.governance.settle(anyhow)
  const { image } = prepared
  if (!image.hasShell) throw ofNoShell(image)
  planOnce(action, prepared.definition)
  operation.plan(push ? [keepStep, pushStep(push.repository)] : [keepStep])
  const spec = specOf({ ...plan, owner: '', createdAt: platform.clock.now() }, prepared.definition, image)
  const { sourceFolder = prepared.definition.workspaceFolder } = spec
  await operation.step('create', (report, signal) =>
    prebuilds.open({ id, definition: prepared.definition, image, sourceFolder }, report, signal),
  )
  await copySource(context, action, driver, spec, { folder: clone, unignored: false })
  const missing = await addRepositories(context, action, driver, spec)
  if (missing) throw problem(missing)
  await runOnce(context, plan, action, spec)
  const kept = await operation.step(keepStep.id, async (report, signal) => {
    if (push) await requireReadable(driver, spec, signal)
    const ref = refOf(source)
    const record = {
      version: 1,
      id: plan.prebuildId,
      url: source.url,
      ...(ref === '' ? {} : { ref }),
      ...(plan.request.definitionPath !== undefined && { definitionPath: plan.request.definitionPath }),
      ...(plan.request.image !== undefined && { otherImage: plan.request.image }),
      commit,
      madeAt: platform.clock.now(),
      platform: plan.engine.platform ?? '',
      fields: fieldsOf(made.asked, id),
      bases: await basesOf(context, plan, definition, image, clone, signal),
    } as const
    const found = await prebuilds.keep(id, record, report, signal, { elsewhere: push !== undefined })
    report.result(`${push ? '' : `${found.reference}, `}commit ${commit.slice(0, 7)}`)
    return found
  })
  if (!push) return
  await operation.step('push', async (report, signal) => {
    const reference = `${push.repository}:${prebuildTag(kept.record)}`
    const { repository } = push
    const request = { definition: prepared.definition, folder: clone, workspaceId: id, repository }
    await push.publisher.push(request, kept.reference, reference, report, signal)
    report.result(reference)
  })
}

/** The once-only commands, in their order, and what tasks do before they do what they are for. */
async function runOnce(
  { platform }: ActionContext,
  { driver, id }: Plan,
  { operation }: Action,
  { definition, image }: WorkspaceSpec,
): Promise<void> {
  const inside = commandsInside(driver, id, definition, image, platform.clock, operation.signal)
  // Nothing of this machine's environment.
  const bare = { ...platform, env: {} }
  const { before, after } = splitPhases(definition, oncePhases)
  for (const phase of [...before, ...after]) {
    await operation.step(phase, (report, signal) =>
      runPhase(phase, definition, inside, bare, image.hasShell, report, signal),
    )
  }
  const tasks = onceTasks(definition)
  if (tasks.length === 0) return
  const shell = image.user.shell ?? '/bin/sh'
  const command = Object.fromEntries(tasks.map(({ name, line }) => [name, [shell, '-lc', line]]))
  await operation.step(tasksStep.id, (report, signal) =>
    runCommand('What tasks do once', command, inside, bare, image.hasShell, report, signal),
  )
}

interface OnceTask {
  readonly name: string
  readonly line: string
}

function onceTasks({ tasks }: Definition): OnceTask[] {
  return tasks.flatMap(({ automatic, name, before, init, env, workingFolder }) => {
    const line = taskLine({ ...(before && { before }), ...(init && { init }) }, { first: true })
    if (!automatic || init === undefined || line === undefined) return []
    const variables = Object.entries(env).map(([key, value]) => `export ${key}=${shellQuoted(value)}\n`)
    const place = workingFolder === undefined ? '' : `cd ${shellQuoted(workingFolder)} || exit 126\n`
    return [{ name, line: `${variables.join('')}${place}${line}` }]
  })
}

/** What it stands on, as it is now: a newer one makes the prebuild an old one. */
async function basesOf(
  { platform }: ActionContext,
  { store }: Plan,
  { build, image: named, features }: Definition,
  image: ResolvedImage,
  clone: string,
  signal: AbortSignal,
) {
  const aliases = platform.settings.get().imageAliases
  const own = named === undefined ? [] : [aliasOf(named, aliases)?.image ?? named]
  const references = build ? (await buildInputs(build, clone, platform)).images : own
  // The default image may be another one here than it is called.
  const isOther = !build && features.length === 0
  const bases = []
  for (const reference of new Set([...references, ...(isOther ? [image.reference] : [])])) {
    const found = await store.imageId(reference, signal)
    if (found !== undefined) bases.push({ reference, id: found })
  }
  return bases
}

function ofNoRepository(source: Source) {
  return problem({
    code: 'unsupported',
    title: 'Prebuilds are made of git repositories',
    cause:
      source.kind === 'folder'
        ? 'A folder of this machine is mounted as it is, or copied as it is just then: nothing of it can be made ahead.'
        : 'An image has nothing that could be made ahead.',
    remedy: 'Give the URL of the repository.',
  })
}

function ofNoShell({ reference }: ResolvedImage) {
  return problem({
    code: 'no-shell',
    title: 'No prebuild can be made of this image',
    cause: `The image "${reference}" has no shell, so nothing can be run in it ahead.`,
    remedy: 'Do without a prebuild, or choose an image with a shell.',
  })
}

/** There is no workspace that could be rebuilt. */
function ofNothingLeft(error: unknown): unknown {
  if (!(error instanceof ProblemError)) return error
  const { actions = [], remedy, ...rest } = error.problem
  const isCommand = rest.code === 'lifecycle-failed'
  return new ProblemError(
    {
      ...rest,
      remedy: isCommand ? 'Look at what it printed, mend the command, and make the prebuild again.' : remedy,
      actions: actions.filter(({ kind }) => kind !== 'workspace'),
    },
    { cause: error },
  )
}
