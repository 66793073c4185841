import { type PrebuildRecord, problem } from '#contract'
import type { Handlers } from '../../platform/handlers'
import type { ActionContext } from '../actions/context'
import { makePrebuild } from './make'

export type PrebuildHandlers = Pick<Handlers, `prebuilds.${'create' | 'list' | 'remove'}`>

/** What answers the requests about prebuilds. */
export function createPrebuildHandlers(context: ActionContext): PrebuildHandlers {
  return {
    'prebuilds.create': async (input, signal) => {
      const { operation, prebuildId } = await makePrebuild(context, input, signal)
      return { operationId: operation.id, workspaceId: operation.workspaceId, prebuildId }
    },
    'prebuilds.list': async ({ targetId }, signal) => {
      const { target, driver } = await context.target(targetId, signal)
      const images = (await driver.prebuilds?.list(signal)) ?? []
      return images
        .map(({ reference, record, size }) => ({
          ...chosenOf(record),
          targetId: target.id,
          image: reference,
          size,
        }))
        .sort((left, right) => right.madeAt - left.madeAt)
    },
    'prebuilds.remove': async ({ targetId, prebuildId }, signal) => {
      const { target, driver } = await context.target(targetId, signal)
      if (await driver.prebuilds?.remove(prebuildId, signal)) return {}
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
