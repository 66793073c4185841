import { type Definition, type KubernetesOptions, problem } from '#contract'
import type { Driver, HostCheck } from '../../drivers/driver'
import type { Platform } from '../../platform/platform'
import type { ActionReport } from '../operations'

const well: HostCheck = { shortages: [] }

/**
 * What the target lacks of what a definition asks for (`hostRequirements`). Where that cannot be asked it shows later.
 */
export async function checkHost(
  { platform }: { readonly platform: Platform },
  driver: Driver,
  { hostRequirements }: Pick<Definition, 'hostRequirements'>,
  kubernetes: KubernetesOptions | undefined,
  signal: AbortSignal,
): Promise<HostCheck> {
  if (!hostRequirements) return well
  try {
    if (!driver.cluster) return (await driver.checkHost?.(hostRequirements, signal)) ?? well
    const room = await driver.cluster.room(kubernetes, signal, hostRequirements)
    return room.problem ? { shortages: [], problem: room.problem } : well
  } catch (error) {
    signal.throwIfAborted()
    platform.logger.warn('The machine could not be checked against the definition', { error: String(error) })
    return well
  }
}

/** Tells what the target lacks; rejects with the Problem where it cannot be done without. */
export async function requireHost(
  context: { readonly platform: Platform },
  driver: Driver,
  definition: Pick<Definition, 'hostRequirements'>,
  report: ActionReport,
  signal: AbortSignal,
  kubernetes?: KubernetesOptions,
): Promise<void> {
  const found = await checkHost(context, driver, definition, kubernetes, signal)
  for (const shortage of found.shortages) report.output(`Warning: ${shortage}\n`)
  if (found.problem) throw problem(found.problem)
}

/** The same for what an image has added to the definition, which was checked before. */
export async function requireHostOfImage(
  context: { readonly platform: Platform },
  driver: Driver,
  before: Definition,
  merged: Definition,
  report: ActionReport,
  signal: AbortSignal,
  kubernetes?: KubernetesOptions,
): Promise<void> {
  if (JSON.stringify(before.hostRequirements) === JSON.stringify(merged.hostRequirements)) return
  await requireHost(context, driver, merged, report, signal, kubernetes)
}
