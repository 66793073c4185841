import type { Definition, LifecyclePhase, Target } from '#contract'
import type { Elsewhere } from '../actions/build-elsewhere'
import { type ActionContext, makingStep, steps } from '../actions/context'
import type { CreatePlan } from '../actions/create'
import { imageSteps, needsFolder, type Prepared } from '../actions/image'
import { workspacePhases } from '../commands'
import type { Action } from '../guard'
import { asAsked, confirmPrebuild, overPrebuild, type Prebuilt } from './find'
import { type Builder, builderFor } from './late-builder'
import { updateStep } from './update-source'

/** What is to be done where a workspace is made from a prebuild. */
export function prebuiltSteps(
  prebuilt: Prebuilt,
  target: Target,
  definition: Definition,
  beforeStart: readonly { readonly id: string; readonly title: string }[],
  elsewhere: Elsewhere | undefined,
): readonly { readonly id: string; readonly title: string }[] {
  const { isWhole } = prebuilt
  const over = overPrebuild(definition, prebuilt)
  const fetches = !isWhole || needsFolder(over)
  return [
    ...(fetches ? [steps.clone] : []),
    ...imageSteps(over, elsewhere),
    makingStep(target),
    ...beforeStart,
    steps.start,
    ...(isWhole ? [] : [updateStep]),
  ]
}

/** What is left to run: of another commit the content is updated once more. */
export function phasesLeft(prebuilt: Prebuilt | undefined): readonly LifecyclePhase[] {
  if (!prebuilt) return workspacePhases
  const done = prebuilt.isSame ? ['onCreateCommand', 'updateContentCommand'] : ['onCreateCommand']
  return workspacePhases.filter((phase) => !done.includes(phase))
}

export interface PrebuildUse {
  /** Undefined where it cannot be used after all; then the source has been fetched. */
  readonly prebuilt?: Prebuilt
  /** Where the source is on this machine; undefined where nobody needs it. */
  readonly folder?: string
}

/** Makes sure of a prebuild. `fetch` brings the source into `clone`. */
export async function settlePrebuild(
  context: ActionContext,
  action: Action,
  plan: CreatePlan,
  definition: Definition,
  { looked, builder }: { readonly looked: Prebuilt; readonly builder: Builder },
  clone: string,
  fetch: (signal: AbortSignal) => Promise<void>,
): Promise<PrebuildUse> {
  const { operation } = action
  if (looked.isWhole) {
    if (!needsFolder(overPrebuild(definition, looked))) return { prebuilt: looked }
    await fetch(operation.signal)
    return { prebuilt: looked, folder: clone }
  }
  await fetch(operation.signal)
  const prebuilt = await confirmPrebuild(context, action, plan, looked, definition, clone)
  if (prebuilt) return { prebuilt, folder: clone }
  operation.plan([...imageSteps(definition, builderFor(builder, definition)), steps.copy])
  return { folder: clone }
}

/** Gets the image of a prebuild ready, as that of a definition that names it. `prepare` does it for any definition. */
export async function preparePrebuilt(
  definition: Definition,
  prebuilt: Prebuilt,
  prepare: (definition: Definition) => Promise<Prepared>,
): Promise<Prepared> {
  const { definition: merged, image } = await prepare(overPrebuild(definition, prebuilt))
  const reference = prebuilt.image.isPulled ? image.reference : prebuilt.image.reference
  return { definition: asAsked(merged, definition, prebuilt), image: { ...image, reference } }
}
