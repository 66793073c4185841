import { type Definition, toProblem } from '#contract'
import type { Driver, ResolvedImage, StepReport } from '../../drivers/driver'
import { readImageLabel } from '../../features/index'
import { aliasOf } from '../../platform/image-aliases'
import type { ActionContext } from './context'

/** What the image of a definition without a build is got as; undefined where it is built. */
export function imageNameOf(
  { image, build }: Definition,
  { platform }: Pick<ActionContext, 'platform'>,
): string | undefined {
  if (build || image === undefined) return undefined
  return aliasOf(image, platform.settings.get().imageAliases)?.image ?? image
}

/**
 * What `resolve` gives, with the image's label `devcontainer.metadata`. A cluster shows no labels of an image: its
 * registry is asked for that meanwhile. One that cannot be asked from this machine is no reason to fail, and is said.
 */
export async function withLabel(
  { platform }: Pick<ActionContext, 'platform'>,
  driver: Pick<Driver, 'cluster'>,
  name: string | undefined,
  report: StepReport,
  signal: AbortSignal,
  resolve: () => Promise<ResolvedImage>,
): Promise<ResolvedImage> {
  if (!driver.cluster || name === undefined) return resolve()
  const label = readImageLabel(name, platform, signal).catch((error: unknown) => {
    signal.throwIfAborted()
    return { problem: toProblem(error) }
  })
  // It is waited for below, and not at all where the image cannot be had.
  label.catch(() => undefined)
  const image = await resolve()
  const found = await label
  if (typeof found !== 'object') return found === undefined ? image : { ...image, metadata: found }
  const { cause } = found.problem
  report.output(
    `What ${name} says of its containers is not known: its registry could not be asked. ${cause}\n`,
  )
  return image
}
