import type { Definition } from '#contract'
import { type Elsewhere, findBuilder } from '../actions/build-elsewhere'
import type { ActionContext } from '../actions/context'
import type { CreatePlan } from '../actions/create'
import { needsFolder } from '../actions/image'
import { overPrebuild, type Prebuilt } from './find'
import { storeOf } from './store'

/** Who builds for a target that builds nothing itself, or why nobody can. */
export type Builder = { readonly elsewhere: Elsewhere | undefined } | { readonly missing: unknown }

/**
 * As {@link findBuilder}; but where there may be a prebuild, that nobody can build matters only once something is to be
 * built: whoever has no builder may still start from what another one has made.
 */
export async function findBuilderLater(
  context: ActionContext,
  plan: Pick<CreatePlan, 'source' | 'target' | 'driver' | 'kubernetes' | 'prebuild'>,
  definition: Definition,
  signal: AbortSignal,
): Promise<Builder> {
  const { source, target, kubernetes, prebuild } = plan
  try {
    return { elsewhere: await findBuilder(context, target, definition, kubernetes, signal) }
  } catch (error) {
    const mayBeMade = prebuild && source.kind === 'git' && storeOf(context.platform, plan) !== undefined
    if (signal.aborted || !mayBeMade) throw error
    return { missing: error }
  }
}

/** Who builds what is left to build; undefined where nothing is. Throws where nobody can. */
export function builderFor(
  builder: Builder,
  definition: Definition,
  prebuilt?: Prebuilt,
): Elsewhere | undefined {
  if (!needsFolder(prebuilt ? overPrebuild(definition, prebuilt) : definition)) return undefined
  if ('missing' in builder) throw builder.missing
  return builder.elsewhere
}
