import { Definition, Source, WorkspaceUser } from '#contract'
import type { WorkspaceSpec } from '../driver'

/** Marks everything of Berth's on a target. */
export const MANAGED_BY = 'berth'

/** Labels that every kind of target can look for. */
export const identityKeys = {
  managedBy: 'app.kubernetes.io/managed-by',
  workspace: 'berth.dev/workspace',
  owner: 'berth.dev/owner',
} as const

/** Where what a workspace is stands on its target: labels on Docker, annotations on Kubernetes. */
export const descriptionKeys = {
  owner: 'berth.dev/owner',
  name: 'berth.dev/name',
  source: 'berth.dev/source',
  definition: 'berth.dev/definition',
  user: 'berth.dev/user',
  image: 'berth.dev/image',
  /** Milliseconds since the epoch. */
  createdAt: 'berth.dev/created-at',
  /** Names one call of `create`. */
  making: 'berth.dev/making',
} as const

/** What a target remembers of a workspace. */
export interface Description {
  readonly name: string
  readonly owner: string
  readonly source: Source
  readonly definition: Definition
  readonly user: WorkspaceUser
  readonly image: string
  readonly createdAt: number
  readonly making: string
}

/** A workspace as its target remembers it. */
export function describeWorkspace(
  spec: WorkspaceSpec,
  making: string,
  name = spec.name,
): Record<string, string> {
  return {
    [descriptionKeys.name]: name,
    [descriptionKeys.owner]: spec.owner,
    [descriptionKeys.source]: JSON.stringify(spec.source),
    [descriptionKeys.definition]: JSON.stringify(spec.definition),
    [descriptionKeys.user]: JSON.stringify(spec.image.user),
    [descriptionKeys.image]: spec.image.reference,
    [descriptionKeys.createdAt]: String(spec.createdAt),
    [descriptionKeys.making]: making,
  }
}

/** Undefined when there is none, or it was written by a Berth that this one does not understand. `id` stands in for a missing name. */
export function readDescription(from: Readonly<Record<string, string>>, id: string): Description | undefined {
  const source = Source.safeParse(parseJson(from[descriptionKeys.source]))
  const definition = Definition.safeParse(parseJson(from[descriptionKeys.definition]))
  const user = WorkspaceUser.safeParse(parseJson(from[descriptionKeys.user]))
  if (!source.success || !definition.success || !user.success) return undefined
  return {
    name: from[descriptionKeys.name] ?? id,
    owner: from[descriptionKeys.owner] ?? '',
    source: source.data,
    definition: definition.data,
    user: user.data,
    image: from[descriptionKeys.image] ?? '',
    createdAt: Number(from[descriptionKeys.createdAt] ?? 0) || 0,
    making: from[descriptionKeys.making] ?? '',
  }
}

/** What others may have written or cut short; undefined for what is no JSON. */
export function parseJson(text: string | undefined): unknown {
  try {
    return text === undefined ? undefined : JSON.parse(text)
  } catch {
    return undefined
  }
}
