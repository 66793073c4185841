import type { DataPlan, DataVolume, Definition } from '#contract'

type Of = Pick<Definition, 'mounts' | 'services'>

/** The volumes of a definition that hold data of the workspace's own, its services' first. */
export function dataVolumes({ mounts, services }: Of): DataVolume[] {
  const found = new Map<string, DataVolume>()
  for (const { name: service, image, mounts: own } of services) {
    for (const { type, source } of own) {
      if (type !== 'volume' || !source) continue
      const known = found.get(source)
      found.set(source, {
        name: source,
        services: [...new Set([...(known?.services ?? []), service])],
        ofWorkspace: false,
        ...((known?.image ?? image) !== undefined && { image: known?.image ?? image }),
      })
    }
  }
  for (const { type, source, ofWorkspace } of mounts) {
    if (type !== 'volume' || !source || !ofWorkspace) continue
    found.set(source, { name: source, services: [], ...found.get(source), ofWorkspace: true })
  }
  return [...found.values()]
}

/** What is there to be put in place of a workspace's data. */
export interface Offered {
  readonly name: string
  readonly image?: string | undefined
}

export interface PlanQuestion {
  readonly offered: readonly Offered[]
  readonly into: readonly DataVolume[]
  /** Whether the workspace is stopped for it as a whole, as a pod is. */
  readonly stopsWhole: boolean
  /** Another workspace whose data is taken as it is now, which rests for that as well; its name. */
  readonly from?: string
}

/** What putting these volumes into a workspace does. */
export function planData({ offered, into, stopsWhole, from }: PlanQuestion): DataPlan {
  const byName = new Map(offered.map((one) => [one.name, one]))
  const replaced = into.filter(({ name }) => byName.has(name))
  const services = [...new Set(replaced.flatMap((volume) => volume.services))]
  const warnings = replaced.flatMap(({ name, image }) => {
    const other = byName.get(name)?.image
    if (other === undefined || image === undefined || other === image) return []
    return [
      `${name} was written by ${other} and will be used by ${image}: a database may refuse the data of another version.`,
    ]
  })
  return {
    replaced: replaced.map(({ name }) => name),
    left: into.filter(({ name }) => !byName.has(name)).map(({ name }) => name),
    unused: offered.filter(({ name }) => !into.some((one) => one.name === name)).map(({ name }) => name),
    stops: [
      ...(stopsWhole
        ? ['The workspace, with all that runs in it']
        : [
            ...services.map((service) => `The service ${service}`),
            ...(replaced.some(({ ofWorkspace }) => ofWorkspace) ? ['The workspace, which is paused'] : []),
          ]),
      ...(from === undefined ? [] : [`What uses the data in ${from}, while it is copied`]),
    ],
    warnings,
  }
}
