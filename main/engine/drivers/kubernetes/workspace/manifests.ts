import type {
  V1NetworkPolicy,
  V1PersistentVolumeClaim,
  V1PodTemplateSpec,
  V1Secret,
  V1StatefulSet,
} from '@kubernetes/client-node'
import { type KubernetesOptions, problem } from '#contract'
import type { WorkspaceSpec } from '../../driver'
import { isNoteKey } from '../../shared/notes'
import {
  ANNOTATION_LIMIT,
  annotations,
  labels,
  objectName,
  type Previous,
  roles,
  workspaceAnnotations,
  workspaceLabels,
} from './anatomy'
import { withHostRequirements } from './host-requirements'
import { environmentOf, podSpecOf } from './pod'
import { withPullLogin } from './pull-login'
import { ownRequirements, type Unsaid } from './service-resources'
import { serviceKey } from './services'
import { fileSecrets } from './written-files'

/** Of a volume for which nothing else was asked. */
export const DEFAULT_STORAGE = '10Gi'

/** The objects of a workspace as they are applied. */
export interface Manifests {
  readonly claim: V1PersistentVolumeClaim
  /** Absent where the definition has no secret variables and no files of its own. */
  readonly secret?: V1Secret
  readonly networkPolicy: V1NetworkPolicy
  /** With 0 replicas, which `start` makes 1. */
  readonly statefulSet: V1StatefulSet
}

export interface ManifestOptions {
  readonly namespace: string
  /** Of this call of `create`. */
  readonly making: string
  readonly options: KubernetesOptions
  /** This machine's, for variables that name it. */
  readonly env: Readonly<Record<string, string | undefined>>
  readonly secretName: string
  /** What the namespace wants to be told of each service. */
  readonly unsaid?: Unsaid
  /** The name that the workspace has now, if it is there already. */
  readonly name?: string
  /** Present in a replacement; `previous` unless what is replaced is missing. */
  readonly replacing?: { readonly previous?: Previous }
}

/** What a workspace is on a cluster. */
export function planWorkspace(spec: WorkspaceSpec, make: ManifestOptions): Manifests {
  const { namespace, making, secretName, replacing } = make
  const options = withHostRequirements(
    make.options,
    ownRequirements(spec.definition.hostRequirements, spec.definition.services),
  )
  const own = workspaceLabels(spec.id, spec.owner)
  const allLabels = { ...options.labels, ...own }
  const told = workspaceAnnotations(spec, make.name ?? spec.name, making, make.options)
  const complete = { [annotations.complete]: String(replacing !== undefined) }
  const { plain, secret } = environmentOf(spec, make.env)
  const beside = new Map(
    spec.definition.services.map(({ name, env }) => [name, environmentOf(spec, make.env, env)]),
  )
  const secrets = new Map(Object.entries(secret))
  for (const [service, { secret: own }] of beside)
    for (const [name, value] of Object.entries(own)) secrets.set(serviceKey(service, name), value)
  for (const [key, value] of fileSecrets(spec.definition, make.env)) secrets.set(key, value)
  const metadata = { name: objectName(spec.id), namespace, labels: allLabels }
  const template: V1PodTemplateSpec = {
    metadata: {
      labels: { ...allLabels, [labels.role]: roles.workspace },
      ...(options.annotations && { annotations: { ...options.annotations } }),
    },
    spec: podSpecOf(spec, {
      options: withPullLogin(spec.id, options),
      plain,
      secret: Object.keys(secret),
      secretName,
      unsaid: make.unsaid,
      services: new Map(
        [...beside].map(([name, { plain, secret }]) => [name, { plain, secret: Object.keys(secret) }]),
      ),
    }),
  }
  const statefulSet: V1StatefulSet = {
    apiVersion: 'apps/v1',
    kind: 'StatefulSet',
    metadata: {
      ...metadata,
      annotations: {
        ...options.annotations,
        ...told,
        ...complete,
        ...(replacing && { [annotations.replacing]: 'true' }),
        ...(replacing?.previous && { [annotations.previous]: JSON.stringify(replacing.previous) }),
      },
    },
    spec: {
      replicas: 0,
      serviceName: objectName(spec.id),
      // A pod that cannot become ready must not keep itself from being replaced.
      podManagementPolicy: 'Parallel',
      // `create` replaces the template of a workspace that does not run; nothing restarts by itself.
      updateStrategy: { type: 'OnDelete' },
      revisionHistoryLimit: 1,
      selector: { matchLabels: { [labels.workspace]: spec.id, [labels.role]: roles.workspace } },
      template,
    },
  }
  refuseTooLarge(spec, statefulSet)
  return {
    claim: {
      apiVersion: 'v1',
      kind: 'PersistentVolumeClaim',
      metadata: { ...metadata, annotations: { ...options.annotations, ...told, ...complete } },
      spec: {
        accessModes: ['ReadWriteOnce'],
        resources: { requests: { storage: options.storage ?? DEFAULT_STORAGE } },
        ...(options.storageClass !== undefined && { storageClassName: options.storageClass }),
      },
    },
    ...(secrets.size > 0 && {
      secret: {
        apiVersion: 'v1',
        kind: 'Secret',
        type: 'Opaque',
        metadata: { ...metadata, name: secretName },
        data: Object.fromEntries(
          [...secrets].map(([key, value]) => [key, Buffer.from(value).toString('base64')]),
        ),
      },
    }),
    networkPolicy: {
      apiVersion: 'networking.k8s.io/v1',
      kind: 'NetworkPolicy',
      metadata,
      // No rule is listed, so nothing from other pods is let in; ports are reached through the API server.
      spec: { podSelector: { matchLabels: { [labels.workspace]: spec.id } }, policyTypes: ['Ingress'] },
    },
    statefulSet,
  }
}

/** What has to be kept of a StatefulSet to bring it back as it is. */
export function previousOf(statefulSet: V1StatefulSet): Previous {
  const { labels: own, annotations: all } = statefulSet.metadata ?? {}
  const users = Object.entries(all ?? {}).filter(([key]) => !key.startsWith('berth.dev/'))
  return {
    template: statefulSet.spec?.template,
    ...(own && { labels: own }),
    ...(users.length > 0 && { annotations: Object.fromEntries(users) }),
  }
}

/** The StatefulSet that a replacement took the place of; `committed` are the annotations of the claim. */
export function restoredStatefulSet(
  statefulSet: V1StatefulSet,
  previous: Previous,
  committed: Readonly<Record<string, string>>,
): V1StatefulSet {
  const { name, namespace } = statefulSet.metadata ?? {}
  const told = Object.entries(committed).filter(([key]) => key.startsWith('berth.dev/') && !isNoteKey(key))
  return {
    apiVersion: 'apps/v1',
    kind: 'StatefulSet',
    metadata: {
      ...(name && { name }),
      ...(namespace && { namespace }),
      ...(previous.labels && { labels: { ...previous.labels } }),
      annotations: { ...previous.annotations, ...Object.fromEntries(told), [annotations.complete]: 'true' },
    },
    spec: {
      ...statefulSet.spec,
      replicas: 0,
      selector: statefulSet.spec?.selector ?? {},
      template: previous.template as V1PodTemplateSpec,
    },
  }
}

/**
 * Annotations have a limit in bytes. A replacement has to keep the template of what it replaces beside its own, so
 * there must be room for it from the beginning.
 */
function refuseTooLarge(spec: WorkspaceSpec, { metadata, spec: body }: V1StatefulSet): void {
  const { [annotations.previous]: previous, ...rest } = metadata?.annotations ?? {}
  const own = Object.entries(rest).reduce((sum, [key, value]) => sum + bytes(key) + bytes(value), 0)
  // The server writes defaults and escapes into what is read back of it.
  const kept = Math.max(bytes(previous ?? ''), bytes(JSON.stringify(JSON.stringify(body?.template))) + 4096)
  if (own + kept <= ANNOTATION_LIMIT) return
  const kibibytes = (size: number) => `${Math.ceil(size / 1024)} KiB`
  throw problem({
    code: 'definition-invalid',
    title: `"${spec.name}" is too large for a cluster`,
    cause: `Its definition and its pod come to ${kibibytes(own + kept)}; Kubernetes keeps at most ${kibibytes(ANNOTATION_LIMIT)} with an object.`,
    remedy: 'Make the definition smaller: move long commands and values into files of the repository.',
  })
}

const bytes = (text: string) => Buffer.byteLength(text)
