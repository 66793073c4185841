import { randomBytes } from 'node:crypto'
import { prebuildLabel } from '#contract'
import type { WorkspaceSpec } from '../../driver'
import {
  type Description,
  describeWorkspace,
  descriptionKeys,
  identityKeys,
  MANAGED_BY,
  readDescription,
} from '../../shared/description'

/** Labels of a workspace's containers and volumes; what DESIGN.md calls annotations are labels on Docker too. */
export const labels = {
  ...identityKeys,
  /** The name is that of the time of making; a container's own name is newer. */
  ...descriptionKeys,
  /** Which process makes the container, see maker.ts. */
  maker: 'berth.dev/maker',
  /** `source`, `home`, `data`, `memory`, `name` or `notes`. */
  volume: 'berth.dev/volume',
  /** The name that a definition calls a volume for data by. */
  data: 'berth.dev/data',
  /** The workspace that a service is beside, whose container has the same `making`. */
  serviceOf: 'berth.dev/service-of',
  service: 'berth.dev/service',
  /** Of an image: of what it was built, see image/reuse.ts. */
  build: 'berth.dev/build',
  /** Of a workspace's container: what its services are made with, see {@link ServiceNotes}. */
  services: 'berth.dev/services',
  /** Of a prebuild's image, and so of every container made from it: its record. */
  prebuild: prebuildLabel,
} as const

export const managedFilter = `${labels.managedBy}=${MANAGED_BY}`
export const serviceFilter = (id: string) => `${labels.serviceOf}=${id}`
export const workspaceFilter = (id: string) => `${labels.workspace}=${id}`

export const sourceVolume = (id: string) => `berth-${id}-source`
export const homeVolume = (id: string) => `berth-${id}-home`
/** For data, under the name that the definition calls it by. */
export const dataVolume = (id: string, name: string) => `berth-${id}-data-${name}`
/** For what containers share in memory. An engine never changes a volume, so one of another size has another name. */
export const memoryVolume = (id: string, name: string, size: number | undefined) =>
  `berth-${id}-memory-${name}${size === undefined ? '' : `-${size}`}`
/** Exists only after a rename: its label holds the name for when there is no container to tell it. */
export const nameVolume = (id: string) => `berth-${id}-name`

/** Exist only where there is something to note; see notes.ts. */
export const notesVolume = (id: string, nonce: string) => `berth-${id}-notes-${nonce}`

/** The container's name tells the phase that a workspace is in, because labels can not be changed. */
export const containerNames = {
  committed: (name: string) => `berth-${name}`,
  /** Made by `create`, until `commit`. */
  uncommitted: (id: string) => `berth-new-${id}`,
  /** The replaced one, within `commit`. */
  replaced: (id: string) => `berth-old-${id}`,
  /** Beside the workspace's container with this making. */
  service: (id: string, making: string, service: string) => `berth-${id}-${making}-${service}`,
} as const

export type Phase = 'committed' | 'uncommitted' | 'replaced'

export function phaseOf(containerName: string, id: string): Phase {
  const name = containerName.replace(/^\//, '')
  if (name === containerNames.uncommitted(id)) return 'uncommitted'
  if (name === containerNames.replaced(id)) return 'replaced'
  return 'committed'
}

/** The workspace's name: of a committed container it is in the container's own name, which `docker rename` changes. */
export function nameOf(containerName: string, id: string, fallback: string): string {
  const name = containerName.replace(/^\//, '')
  if (phaseOf(name, id) !== 'committed') return fallback
  return name.startsWith('berth-') ? name.slice('berth-'.length) : fallback
}

export const builtRepository = (id: string) => `berth/${id}`

/** The workspace that an image was built or taken for, by one of its names; undefined where it is no such name. */
export const ownerOfBuilt = (reference: string) => /^berth\/([a-z][a-z0-9]{9}):/.exec(reference)?.[1]

/** Whether a name is that of an image that was built for a workspace. */
export const isBuilt = (reference: string) => ownerOfBuilt(reference) !== undefined

/** The tag of an image that Berth pushes, of what goes into its build. */
export const publishedTag = (digest: string) => `berth-${digest}`

/** Whether an image's name has such a tag. */
export const isPublished = (reference: string) => /:berth-[0-9a-f]{40}$/.test(reference)

/** Twelve random letters and digits. */
export function nonce(): string {
  return randomBytes(9).toString('hex').slice(0, 12)
}

export function workspaceLabels(spec: WorkspaceSpec, making: string): Record<string, string> {
  return {
    ...spec.labels,
    [labels.managedBy]: MANAGED_BY,
    [labels.workspace]: spec.id,
    ...describeWorkspace(spec, making),
  }
}

export function serviceLabels(
  id: string,
  service: string,
  making: string,
  image: string,
): Record<string, string> {
  return {
    [labels.managedBy]: MANAGED_BY,
    [labels.serviceOf]: id,
    [labels.service]: service,
    [labels.making]: making,
    [labels.image]: image,
  }
}

/** What the labels of a container or volume say of its workspace. */
export interface Labelled extends Description {
  readonly id: string
}

/** Reads labels; undefined when they are not a workspace's, or were made by a Berth that this one does not understand. */
export function readLabels(from: Readonly<Record<string, string>> | null | undefined): Labelled | undefined {
  const id = from?.[labels.workspace]
  if (!from || !id || from[labels.managedBy] !== MANAGED_BY) return undefined
  const description = readDescription(from, id)
  return description && { id, ...description }
}
