import { randomBytes } from 'node:crypto'
import { KubernetesOptions, PrebuildMark, prebuildLabel } from '#contract'
import type { WorkspaceSpec } from '../../driver'
import {
  type Description,
  describeWorkspace,
  descriptionKeys,
  identityKeys,
  MANAGED_BY,
  parseJson,
  readDescription,
} from '../../shared/description'

/** Labels of all that belongs to a workspace, its pods included. */
export const labels = {
  /** What characters a label may have is left of the owner; the annotation has all. */
  ...identityKeys,
  /** What a pod is for, see {@link roles}. */
  role: 'berth.dev/role',
} as const

export const managedSelector = `${labels.managedBy}=${MANAGED_BY}`
export const workspaceSelector = (id: string) => `${managedSelector},${labels.workspace}=${id}`

export const roles = {
  workspace: 'workspace',
  /** Gives a way to the files of a workspace that does not run. */
  files: 'files',
  /** Looks into an image. */
  look: 'look',
  /** Builds an image. */
  build: 'build',
} as const

/**
 * Annotations of the StatefulSet and of the claim. The claim's tell the committed state: they are what is left when
 * somebody removes the StatefulSet, and what a replacement is taken back to.
 */
export const annotations = {
  ...descriptionKeys,
  /** What it was made from: a {@link PrebuildMark}. */
  prebuild: prebuildLabel,
  /** {@link KubernetesOptions}. */
  options: 'berth.dev/options',
  /** `true` once it was committed. */
  complete: 'berth.dev/complete',
  /** On a StatefulSet that replaces another one, or one that was missing, until it is committed. */
  replacing: 'berth.dev/replacing',
  /** What is replaced, see {@link Previous}. Absent where nothing was there. */
  previous: 'berth.dev/previous',
} as const

/** The container that a workspace is; others in its pod are somebody else's (a mesh's sidecar). */
export const CONTAINER = 'workspace'
/** The container that lays out the volume, before the others. */
export const PREPARE = 'prepare'
/** The container of a service. */
export const serviceContainer = (service: string) => `service-${service}`
/** The service of such a container; undefined of others. */
export const serviceOf = (container: string) => /^service-(.+)$/.exec(container)?.[1]
/** Where a volume for data is within the workspace's volume. */
export const dataPath = (name: string) => `data/${name}`
/** Where init containers and helper pods have the whole volume. */
export const VOLUME_ROOT = '/.berth'

export const objectName = (id: string) => `ws-${id}`
export const podName = (id: string) => `ws-${id}-0`
export const filesPodName = (id: string) => `ws-${id}-files`
/** Two, because a replacement has other values than what it replaces and may be taken back. */
export const secretNames = (id: string): readonly [string, string] => [`ws-${id}`, `ws-${id}-next`]

/** This machine's Docker login for the registry of the image, see {@link KubernetesOptions}. */
export const pullSecretName = (id: string) => `ws-${id}-pull`

/** The user's variables, see `kept-secrets.ts`. */
export const keptSecretName = (id: string) => `ws-${id}-variables`

/** The workspace of an object that carries its name. */
export const idOfName = (name: string | undefined) => /^ws-([a-z][a-z0-9]{9})(?:-|$)/.exec(name ?? '')?.[1]

/** Twelve random letters and digits. */
export function nonce(): string {
  return randomBytes(6).toString('hex')
}

/** Paths of the namespaced collections that Berth uses. */
export function paths(namespace: string) {
  const core = `/api/v1/namespaces/${encodeURIComponent(namespace)}`
  const group = (name: string) => `/apis/${name}/namespaces/${encodeURIComponent(namespace)}`
  return {
    statefulSets: `${group('apps/v1')}/statefulsets`,
    claims: `${core}/persistentvolumeclaims`,
    pods: `${core}/pods`,
    secrets: `${core}/secrets`,
    events: `${core}/events`,
    quotas: `${core}/resourcequotas`,
    limitRanges: `${core}/limitranges`,
    networkPolicies: `${group('networking.k8s.io/v1')}/networkpolicies`,
  } as const
}
export type Paths = ReturnType<typeof paths>

/** The API server refuses annotations of more bytes altogether (apimachinery, TotalAnnotationSizeLimitB). */
export const ANNOTATION_LIMIT = 256 * 1024

/** What of a StatefulSet has to be kept to bring it back. */
export interface Previous {
  readonly template: unknown
  readonly labels?: Readonly<Record<string, string>>
  /** The user's own. */
  readonly annotations?: Readonly<Record<string, string>>
}

/** At most 63 letters, digits, `-`, `_` and `.`, the first and last a letter or digit (apimachinery, label values). */
export function labelSafe(text: string): string {
  return text
    .replace(/[^A-Za-z0-9._-]+/g, '-')
    .slice(0, 63)
    .replace(/^[^A-Za-z0-9]+|[^A-Za-z0-9]+$/g, '')
}

export function workspaceLabels(id: string, owner: string): Record<string, string> {
  return { [labels.managedBy]: MANAGED_BY, [labels.workspace]: id, [labels.owner]: labelSafe(owner) }
}

export function workspaceAnnotations(
  spec: WorkspaceSpec,
  name: string,
  making: string,
  options: KubernetesOptions,
): Record<string, string> {
  return {
    ...describeWorkspace(spec, making, name),
    ...(spec.prebuild && { [annotations.prebuild]: JSON.stringify(spec.prebuild) }),
    [annotations.options]: JSON.stringify(options),
  }
}

/** What the annotations of an object say of its workspace. */
export interface Annotated extends Description {
  readonly id: string
  readonly kubernetes: KubernetesOptions
  readonly prebuild?: PrebuildMark
}

export interface Metadata {
  readonly labels?: Readonly<Record<string, string>>
  readonly annotations?: Readonly<Record<string, string>>
}

/** Undefined when it is not a workspace's, or was made by a Berth that this one does not understand. */
export function readAnnotations(metadata: Metadata | undefined): Annotated | undefined {
  const from = metadata?.annotations
  const id = metadata?.labels?.[labels.workspace]
  if (!from || !id || metadata.labels?.[labels.managedBy] !== MANAGED_BY) return undefined
  const description = readDescription(from, id)
  const prebuild = PrebuildMark.safeParse(parseJson(from[annotations.prebuild])).data
  return (
    description && {
      id,
      ...description,
      kubernetes: readOptions(metadata) ?? {},
      ...(prebuild && { prebuild }),
    }
  )
}

/** The options that a workspace was made with. */
export function readOptions(metadata: Metadata | undefined): KubernetesOptions | undefined {
  return KubernetesOptions.safeParse(parseJson(metadata?.annotations?.[annotations.options])).data
}

export function readPrevious(metadata: Metadata | undefined): Previous | undefined {
  const value = parseJson(metadata?.annotations?.[annotations.previous])
  return typeof value === 'object' && value !== null && 'template' in value ? (value as Previous) : undefined
}

export const isComplete = (metadata: Metadata | undefined) =>
  metadata?.annotations?.[annotations.complete] === 'true'
export const isReplacing = (metadata: Metadata | undefined) =>
  metadata?.annotations?.[annotations.replacing] === 'true'
