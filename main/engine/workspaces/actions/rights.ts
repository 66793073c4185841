import {
  type ContainerOptions,
  type Definition,
  describeRight,
  type NotApplied,
  type Right,
  uniqueRights,
  withheldRights,
} from '#contract'
import type { Driver } from '../../drivers/driver'
import { withFolderRights, withoutWithheldFolders } from './machine-folders'

/** What the user has said about power over the machine. */
export interface RightsAnswer {
  /**
   * True: all that is asked for by now; false: nothing, also of what was allowed; or what is allowed beside that.
   * Absent: what was allowed, and no more.
   */
  readonly allow?: boolean | readonly Right[] | undefined
  /** What was allowed for this workspace up to now. */
  readonly allowed?: readonly Right[] | undefined
}

/** Where a right stands in definitions, as far as that is known. */
function fieldOf({ kind, value, origin, service }: Right): string {
  const fields: Readonly<Record<Right['kind'], string>> = {
    privileged: 'privileged',
    capability: `capAdd ${value}`,
    securityOption: `securityOpt ${value}`,
    device: `device ${value}`,
    deviceRule: `device-cgroup-rule ${value}`,
    namespace: `${value}=host`,
    sysctl: `sysctl ${value}`,
    folder: `mount ${value}`,
    clusterObject: value,
  }
  const field = service === undefined ? fields[kind] : `services.${service}.${fields[kind]}`
  return origin === undefined ? field : `${field} (${origin})`
}

const howToAllow =
  'allow it with the checkbox when you create the workspace, with "berth up --allow-rights", or for one that is there with "berth rebuild --allow-rights"'

/**
 * A definition with what is allowed of the rights that it, its Features and its image ask for: the exact list, which is
 * kept with the workspace. A right that is not on it is not given, and is named, as is all that this kind of target
 * cannot do. `localFolder`: the source, where that is a folder of this machine that is mounted; what lies in it may be
 * mounted unasked.
 */
export function settleRights(
  definition: Definition,
  answer: RightsAnswer,
  driver: Pick<Driver, 'containerFit'>,
  localFolder?: string,
): Definition {
  const settled = settle(withFolderRights(definition, localFolder), answer, driver)
  return withoutWithheldFolders(settled, localFolder)
}

function settle(
  definition: Definition,
  { allow, allowed = [] }: RightsAnswer,
  driver: Pick<Driver, 'containerFit'>,
): Definition {
  const asked = definition.container?.rights ?? []
  const more = allow === true ? asked : allow || []
  const given = allow === false ? [] : uniqueRights([...allowed, ...more])
  const { allowed: _, ...rest } = definition.container ?? { rights: [] }
  const container: ContainerOptions = { ...rest, ...(given.length > 0 ? { allowed: given } : {}) }
  const isPlain = definition.container === undefined && given.length === 0
  const notApplied: NotApplied[] = []
  const fit = driver.containerFit
  const withheld = new Set(withheldRights(container))
  for (const right of asked) {
    const unfit = fit?.right(right)
    if (unfit !== undefined) notApplied.push({ field: fieldOf(right), reason: unfit })
    else if (withheld.has(right))
      notApplied.push({
        field: fieldOf(right),
        reason: `it asks for ${describeRight(right)}, which was not allowed for this workspace; ${howToAllow}`,
      })
  }
  if (fit && !isPlain) notApplied.push(...fit.options(container))
  for (const service of definition.services) {
    for (const { field, reason } of fit?.service(service) ?? [])
      notApplied.push({ field: `services.${service.name}.${field}`, reason })
  }
  const mounts = [...definition.mounts, ...definition.services.flatMap((service) => service.mounts)]
  notApplied.push(...(fit?.volumes?.(mounts) ?? []))
  if (isPlain && notApplied.length === 0) return definition
  const known = new Set(definition.notApplied.map(({ field, reason }) => `${field}\n${reason}`))
  return {
    ...definition,
    ...(isPlain ? {} : { container }),
    notApplied: [
      ...definition.notApplied,
      ...notApplied.filter(({ field, reason }) => !known.has(`${field}\n${reason}`)),
    ],
  }
}
