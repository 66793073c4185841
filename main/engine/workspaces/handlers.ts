import { type BuildAsks, type Operation, problem } from '#contract'
import type { Handlers } from '../platform/handlers'
import type { ActionContext } from './actions/context'
import { silentReport } from './actions/context'
import { create, planCreate } from './actions/create'
import { checkHost } from './actions/host'
import { rebuild } from './actions/rebuild'
import { settleRights } from './actions/rights'
import { grow, remove, rename, restart, start, stop } from './actions/run'
import { runTask } from './actions/tasks'
import { readBuildAsks } from './builds/asks'
import { type BuildHandlers, createBuildHandlers } from './builds/handlers'
import { createClusterHandlers } from './cluster-handlers'
import type { Operations } from './operations'
import { requireStorage } from './policy/governance'
import { createPolicyHandlers } from './policy/handlers'
import type { PolicyStore } from './policy/store'
import { foreseePrebuild } from './prebuild/find'
import { createPrebuildHandlers, type PrebuildHandlers } from './prebuild/handlers'
import { snapshotsLost } from './snapshots/actions'
import { createDataHandlers, type DataHandlers } from './snapshots/handlers'
import { readSource } from './source/definition'
import { createFeatureHandlers, type FeatureHandlers } from './source/feature-lock'
import { deriveName, newWorkspaceId } from './source/name'
import { resolvePage } from './source/page'
import { checkSource, parseTyped } from './source/parse'
import { saveDefinition } from './source/save-definition'
import { survivalOf, unsavedWork } from './survival'
import type { Targets } from './targets'

export type WorkspaceHandlers = Pick<
  Handlers,
  | 'sources.parse'
  | `definitions.${'propose' | 'save'}`
  | `policies.${'refresh' | 'check'}`
  | `targets.${'probe' | 'room' | 'namespaces' | 'addNamespace' | 'removeNamespace'}`
  | `workspaces.${'preview' | 'create' | 'start' | 'stop' | 'restart' | 'rebuild' | 'rename' | 'grow' | 'runTask' | 'delete' | 'survival' | 'diagnose' | 'stats'}`
  | `operations.${'cancel' | 'dismiss' | 'output'}`
> &
  PrebuildHandlers &
  DataHandlers &
  BuildHandlers &
  FeatureHandlers

interface Parts {
  readonly context: ActionContext
  readonly operations: Operations
  readonly targets: Targets
  readonly policies: PolicyStore
}

const started = ({ id, workspaceId }: Operation) => ({ operationId: id, workspaceId })

/** What answers the requests about targets, workspaces and operations. */
export function createHandlers({ context, operations, targets, policies }: Parts): WorkspaceHandlers {
  const driver = async (workspaceId: string, signal: AbortSignal) => {
    const workspace = context.workspace(workspaceId)
    const found = await context.target(workspace.targetId, signal)
    return { workspace, driver: found.driver, target: found.target }
  }
  return {
    'sources.parse': async ({ text, branch }, signal) => {
      const typed = parseTyped(text, {
        home: context.platform.folders.home,
        cwd: process.cwd(),
        ...(branch === undefined ? {} : { branch }),
      })
      const { source, below } = await resolvePage(context.platform, typed, signal)
      return { source, name: deriveName(source), ...(below === undefined ? {} : { below }) }
    },
    'targets.probe': async ({ targetId }, signal) => {
      if (await targets.probe(targetId, signal)) return {}
      throw problem({
        code: 'not-found',
        title: `There is no target ${targetId}`,
        cause: 'It is not configured.',
        remedy: 'See the list of targets, and the contexts of your docker and kubectl.',
      })
    },
    ...createClusterHandlers({ context, targets }),
    ...createPrebuildHandlers(context),
    ...createDataHandlers(context),
    ...createPolicyHandlers(policies, targets),
    ...createBuildHandlers(context),
    ...createFeatureHandlers(context),
    'definitions.propose': async ({ source: asked }, signal) => {
      const { platform } = context
      const source = checkSource(asked, { home: platform.folders.home, cwd: process.cwd() })
      const request = { workspaceId: newWorkspaceId(), source, bindMounts: true, propose: true }
      const { candidates, proposal } = await readSource(request, platform, silentReport, signal)
      return { candidates: [...candidates], ...(proposal ? { proposal } : {}) }
    },
    'definitions.save': async ({ folder, text, replace }) => ({
      path: await saveDefinition(context.platform, folder, text, replace),
    }),
    'workspaces.preview': async (input, signal) => {
      const plan = await planCreate(context, input, signal)
      const { governance } = plan
      let buildAsks: BuildAsks | undefined
      const look: typeof plan.request.look = async (definition, reader) => {
        await governance.look(definition, reader)
        buildAsks = await readBuildAsks(definition, reader)
      }
      const request = { ...plan.request, propose: true, look }
      const found = await readSource(request, context.platform, silentReport, signal)
      const definition = settleRights(found.definition, plan.rights, plan.driver, plan.bindFolder)
      const host = await checkHost(context, plan.driver, found.definition, plan.kubernetes, signal)
      const policy = governance.preview(found.definition)
      const isRefused = policy !== undefined && policy.violations.length > 0
      const governed = isRefused ? undefined : governance.define(found.definition)
      const prebuild = governed && (await foreseePrebuild(context, plan, governed, signal))
      return {
        source: plan.source,
        name: plan.name,
        definition,
        candidates: [...found.candidates],
        notApplied: definition.notApplied,
        ...(found.proposal ? { proposal: found.proposal } : {}),
        ...(prebuild && { prebuild }),
        ...(host.shortages.length > 0 ? { shortages: [...host.shortages] } : {}),
        ...(host.problem ? { hostProblem: host.problem } : {}),
        ...(policy && { policy }),
        ...(buildAsks && { buildAsks }),
      }
    },
    'workspaces.create': async (input, signal) => started(await create(context, input, signal)),
    'workspaces.start': async ({ workspaceId }, signal) => started(await start(context, workspaceId, signal)),
    'workspaces.stop': async ({ workspaceId, force = false }, signal) =>
      started(await stop(context, workspaceId, force, signal)),
    'workspaces.restart': async ({ workspaceId }, signal) =>
      started(await restart(context, workspaceId, signal)),
    'workspaces.rebuild': async (input, signal) => started(await rebuild(context, input, signal)),
    'workspaces.rename': async ({ workspaceId, name }, signal) =>
      started(await rename(context, workspaceId, name, signal)),
    'workspaces.grow': async ({ workspaceId, storage }, signal) => {
      requireStorage(await context.policiesOf(workspaceId, signal), storage)
      return started(await grow(context, workspaceId, storage, signal))
    },
    'workspaces.runTask': async ({ workspaceId, name, part }, signal) => {
      await runTask(context, workspaceId, name, part, signal)
      return {}
    },
    'workspaces.delete': async ({ workspaceId, keepSnapshots = false }, signal) =>
      started(await remove(context, workspaceId, signal, keepSnapshots)),
    'workspaces.survival': async ({ workspaceId, action }, signal) => {
      const workspace = context.workspace(workspaceId)
      const target = targets.collection.get(workspace.targetId)
      const bound = workspace.source.kind === 'folder' && target?.capabilities?.bindMounts === true
      const running = context.observed(workspaceId)?.run === 'running'
      // What has to be forced may not answer either: the question is not held up by it.
      const asked = running && action !== 'force-stop'
      const unsaved = asked
        ? await unsavedWork(workspace, context.links().get(workspaceId), signal)
        : undefined
      const survival = survivalOf(workspace, action, { bound, capabilities: target?.capabilities })
      const snapshots = action === 'delete' ? await snapshotsLost(context, workspace, signal) : []
      return {
        ...survival,
        lost: [...survival.lost, ...snapshots],
        unsaved: unsaved ?? [],
        unsavedKnown: unsaved !== undefined,
      }
    },
    'workspaces.diagnose': async ({ workspaceId }, signal) => {
      const found = await driver(workspaceId, signal)
      const own = found.workspace.problem ? [found.workspace.problem] : []
      const isRunning = found.workspace.state === 'running'
      const [byDriver, missing] = await Promise.all([
        found.driver.diagnose(workspaceId, signal),
        isRunning ? context.links().get(workspaceId).missing(signal) : undefined,
      ])
      const told = [...byDriver, ...(missing ? [missing] : [])]
      return [...own, ...told.filter(({ title }) => !own.some((each) => each.title === title))]
    },
    'workspaces.stats': async ({ workspaceId }, signal) => {
      const found = await driver(workspaceId, signal)
      return found.driver.stats(workspaceId, signal)
    },
    'operations.cancel': async ({ operationId }) => {
      operations.cancel(operationId)
      return {}
    },
    'operations.dismiss': async ({ operationId }) => {
      operations.dismiss(operationId)
      return {}
    },
    'operations.output': async ({ operationId }) => operations.output(operationId),
  }
}
