import { type PrebuildPlaceInput, type PrebuildRecord, problem, type Target } from '#contract'
import type { Handlers } from '../../platform/handlers'
import type { ActionContext } from '../actions/context'
import { makePrebuild } from './make'
import { ofNoRegistry, refusePlace } from './place'
import { readPrebuildTag } from './registry-store'
import { type PrebuildStore, storeOf } from './store'

export type PrebuildHandlers = Pick<Handlers, `prebuilds.${'create' | 'list' | 'remove'}`>

/** What answers the requests about prebuilds. */
export function createPrebuildHandlers(context: ActionContext): PrebuildHandlers {
  return {
    'prebuilds.create': async (input, signal) => {
      const { operation, prebuildId } = await makePrebuild(context, input, signal)
      return { operationId: operation.id, workspaceId: operation.workspaceId, prebuildId }
    },
    'prebuilds.list': async (input, signal) => {
      const { target, store } = await placeOf(context, input, signal)
      return (await store.list(signal))
        .map(({ reference, record, size }) => ({
          ...chosenOf(record),
          targetId: target.id,
          image: reference,
          size,
        }))
        .sort((left, right) => right.madeAt - left.madeAt)
    },
    'prebuilds.remove': async ({ prebuildId, image, ...input }, signal) => {
      const { target, store } = await placeOf(context, input, signal)
      if (target.kind === 'kubernetes') refuseNeeded(context, target, prebuildId, image)
      if (await store.remove(prebuildId, signal, image)) return {}
      throw problem({
        code: 'not-found',
        title: `There is no prebuild ${prebuildId}`,
        cause: `${target.name} has none of this id.`,
        remedy: 'See which there are: `berth prebuild list`.',
      })
    },
  }
}

/** What of a record is listed. */
function chosenOf({ id, madeAt, commit, url, ref, definitionPath, otherImage }: PrebuildRecord) {
  return {
    id,
    madeAt,
    commit,
    url,
    ...(ref === undefined ? {} : { ref }),
    ...(definitionPath === undefined ? {} : { definitionPath }),
    ...(otherImage === undefined ? {} : { otherImage }),
  }
}

/** Rejects where the target cannot have any, or nobody has said where. */
async function placeOf(
  context: ActionContext,
  { targetId, pushTo }: PrebuildPlaceInput,
  signal: AbortSignal,
): Promise<{ readonly target: Target; readonly store: PrebuildStore }> {
  const { target, driver } = await context.target(targetId, signal)
  refusePlace(target, pushTo)
  if (driver.prebuilds) return { target, store: driver.prebuilds }
  const asked = { kubernetes: pushTo === undefined ? undefined : { build: { pushTo } }, idle: undefined }
  const { additions } = await context.govern(target, driver, { ...asked, exists: true }, signal)
  const store = storeOf(context.platform, { driver, ...additions })
  if (store) return { target, store }
  throw ofNoRegistry(target)
}

/** A pod that moves to another node pulls the image of its workspace anew: it must be there as long as the workspace is. */
function refuseNeeded(
  context: ActionContext,
  target: Target,
  prebuildId: string,
  image: string | undefined,
): void {
  const madeAt =
    image === undefined ? undefined : readPrebuildTag(image.slice(image.lastIndexOf(':') + 1))?.madeAt
  const needing = context
    .workspacesOn(target.id)
    .filter(
      ({ prebuild }) => prebuild?.id === prebuildId && (image === undefined || prebuild.madeAt === madeAt),
    )
  if (needing.length === 0) return
  throw problem({
    code: 'busy',
    title: `The prebuild ${prebuildId} is needed`,
    cause: `${needing.map(({ name }) => name).join(', ')}: made from it, and the cluster may have to pull its image again.`,
    remedy: 'Rebuild these workspaces, which makes them from scratch, or delete them; then remove it.',
  })
}
