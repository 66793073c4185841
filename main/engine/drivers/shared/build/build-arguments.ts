import type { Platform } from '../../../platform/platform'
import { substituteEnvironment } from '../../../platform/variables'

/** As the build gets them. */
export function buildArguments(
  args: Readonly<Record<string, string>>,
  { env }: Pick<Platform, 'env'>,
): Record<string, string> {
  return Object.fromEntries(
    Object.entries(args).map(([name, value]) => [name, substituteEnvironment(value, { local: env })]),
  )
}
