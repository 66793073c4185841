import { type DataSnapshot, problem } from '#contract'
import type { Handlers } from '../../platform/handlers'
import type { ActionContext } from '../actions/context'
import { restore, snapshot } from './actions'
import { dataOf, findSource } from './source'
import { dataVolumes, planData } from './volumes'

export type DataHandlers = Pick<
  Handlers,
  `data.${'list' | 'sizes' | 'snapshots' | 'snapshot' | 'plan' | 'restore' | 'remove'}`
>

const newestFirst = (one: DataSnapshot, two: DataSnapshot) => two.createdAt - one.createdAt

/** What answers the requests about data. */
export function createDataHandlers(context: ActionContext): DataHandlers {
  const workspaceOf = (id: string) => {
    try {
      return context.workspace(id)
    } catch {
      return undefined
    }
  }
  return {
    'data.list': async ({ workspaceId }, signal) => {
      const workspace = context.workspace(workspaceId)
      const { driver } = await context.target(workspace.targetId, signal)
      const all = await dataOf(driver).snapshots(signal)
      return {
        volumes: dataVolumes(workspace.definition),
        snapshots: all.filter((one) => one.workspaceId === workspaceId).sort(newestFirst),
      }
    },
    'data.sizes': async ({ workspaceId }, signal) => {
      const { targetId, definition } = context.workspace(workspaceId)
      const { driver } = await context.target(targetId, signal)
      const names = dataVolumes(definition).map(({ name }) => name)
      const sizes = names.length > 0 ? await driver.data?.sizes?.(workspaceId, names, signal) : undefined
      return Object.fromEntries(sizes ?? [])
    },
    'data.snapshots': async ({ targetId: of }, signal) => {
      const verbs = context.dataVerbs()
      if (of !== undefined) await context.target(of, signal)
      const meant = of === undefined ? verbs : verbs.filter(({ targetId }) => targetId === of)
      const lists = await Promise.all(
        meant.map(async ({ targetId, data }) =>
          (await data.snapshots(signal)).map((one) => ({
            targetId,
            snapshot: one,
            orphan: workspaceOf(one.workspaceId) === undefined,
          })),
        ),
      )
      // Several contexts may lead to one engine.
      const found = new Map(lists.flat().map((one) => [one.snapshot.id, one]))
      return [...found.values()].sort((one, two) => newestFirst(one.snapshot, two.snapshot))
    },
    'data.snapshot': async ({ workspaceId, name, volumes }, signal) => {
      const { operation, snapshotId } = await snapshot(context, workspaceId, { name, volumes }, signal)
      return { operationId: operation.id, workspaceId, snapshotId }
    },
    'data.plan': async ({ workspaceId, from }, signal) => {
      const workspace = context.workspace(workspaceId)
      const { target, driver } = await context.target(workspace.targetId, signal)
      dataOf(driver)
      const source = await findSource(context, from, signal)
      return planData({
        offered: source.offered,
        into: dataVolumes(workspace.definition),
        stopsWhole: target.kind === 'kubernetes',
        ...(source.workspace && { from: source.workspace.name }),
      })
    },
    'data.restore': async ({ workspaceId, from, snapshotFirst = false }, signal) => {
      const { id } = await restore(context, workspaceId, from, snapshotFirst, signal)
      return { operationId: id, workspaceId }
    },
    'data.remove': async ({ targetId, workspaceId, snapshotId }, signal) => {
      const { driver } = await context.target(targetId, signal)
      const data = dataOf(driver)
      const all = await data.snapshots(signal)
      if (!all.some(({ id, workspaceId: of }) => id === snapshotId && of === workspaceId))
        throw problem({
          code: 'not-found',
          title: 'There is no such snapshot',
          cause: `The target has no snapshot ${snapshotId}.`,
          remedy: 'It may have been removed already.',
        })
      await data.removeSnapshot(workspaceId, snapshotId, signal)
      return {}
    },
  }
}
