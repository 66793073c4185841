import type { KubernetesOptions } from '#contract'
import { kubernetesPatterns, type Pattern } from '#contract/kubernetes-patterns'
import { parsePairs, parseToleration, TextFault } from '#contract/kubernetes-text'

/** What was typed for a workspace on a cluster. */
export interface ClusterDraft {
  readonly cpu: string
  readonly cpuLimit: string
  readonly memory: string
  readonly memoryLimit: string
  readonly gpu: string
  readonly gpuResource: string
  readonly storage: string
  /** Empty: the cluster's default. */
  readonly storageClass: string
  /** These have a line or a word for each. */
  readonly nodeSelector: string
  readonly tolerations: string
  readonly pullSecrets: string
  readonly labels: string
  readonly annotations: string
  readonly dockerLogin: boolean
}

export const emptyDraft: ClusterDraft = {
  cpu: '',
  cpuLimit: '',
  memory: '',
  memoryLimit: '',
  gpu: '',
  gpuResource: '',
  storage: '',
  storageClass: '',
  nodeSelector: '',
  tolerations: '',
  pullSecrets: '',
  labels: '',
  annotations: '',
  dockerLogin: false,
}

export interface ReadDraft {
  /** Undefined where nothing was typed. Without what has a fault. */
  readonly options: KubernetesOptions | undefined
  /** By field, what is wrong with it. */
  readonly faults: Readonly<Partial<Record<keyof ClusterDraft, string>>>
}

/** Reads what was typed; each field is judged by itself. */
export function readDraft(draft: ClusterDraft): ReadDraft {
  const faults: Partial<Record<keyof ClusterDraft, string>> = {}
  const taken = <T>(field: keyof ClusterDraft, parse: (text: string) => T): T | undefined => {
    const text = String(draft[field]).trim()
    if (text === '') return undefined
    try {
      return parse(text)
    } catch (error) {
      if (!(error instanceof TextFault)) throw error
      faults[field] = error.message
      return undefined
    }
  }
  const amount = (field: keyof ClusterDraft) =>
    taken(field, (text) => fitting(kubernetesPatterns.quantity, text))
  const pairs = (field: keyof ClusterDraft, value?: Pattern) =>
    taken(field, (text) => {
      const found = parsePairs(lines(text))
      for (const [key, content] of Object.entries(found)) {
        fitting(kubernetesPatterns.labelKey, key)
        if (value) fitting(value, content)
      }
      return found
    })
  const count = taken('gpu', (text) => {
    if (!/^[1-9]\d{0,3}$/.test(text)) throw new TextFault('A whole number, or nothing.')
    return Number(text)
  })
  const resource = draft.gpuResource.trim() || 'nvidia.com/gpu'
  const options = present({
    requests: some(present({ cpu: amount('cpu'), memory: amount('memory') })),
    limits: some(present({ cpu: amount('cpuLimit'), memory: amount('memoryLimit') })),
    gpu: count === undefined ? undefined : { resource, count },
    storage: amount('storage'),
    storageClass: taken('storageClass', (text) => text),
    nodeSelector: pairs('nodeSelector', kubernetesPatterns.labelValue),
    tolerations: taken('tolerations', (text) => lines(text).map(parseToleration)),
    pullSecrets: taken('pullSecrets', (text) => text.split(/[\s,]+/).filter(Boolean)),
    labels: pairs('labels', kubernetesPatterns.labelValue),
    annotations: pairs('annotations'),
    dockerLogin: draft.dockerLogin || undefined,
  })
  return { options: some(options), faults }
}

/** How options are typed, so that they can be changed. */
export function draftOf(options: KubernetesOptions | undefined): ClusterDraft {
  const { requests, limits, gpu, storage, storageClass, pullSecrets, dockerLogin } = options ?? {}
  const pairs = (fields: Readonly<Record<string, string>> | undefined) =>
    Object.entries(fields ?? {})
      .map(([key, value]) => `${key}=${value}`)
      .join('\n')
  return {
    ...emptyDraft,
    cpu: requests?.cpu ?? '',
    cpuLimit: limits?.cpu ?? '',
    memory: requests?.memory ?? '',
    memoryLimit: limits?.memory ?? '',
    gpu: gpu ? String(gpu.count) : '',
    gpuResource: gpu?.resource ?? '',
    storage: storage ?? '',
    storageClass: storageClass ?? '',
    nodeSelector: pairs(options?.nodeSelector),
    tolerations: (options?.tolerations ?? []).map(tolerationText).join('\n'),
    pullSecrets: (pullSecrets ?? []).join(' '),
    labels: pairs(options?.labels),
    annotations: pairs(options?.annotations),
    dockerLogin: dockerLogin === true,
  }
}

function tolerationText({
  key,
  operator,
  value,
  effect,
}: NonNullable<KubernetesOptions['tolerations']>[number]) {
  const named = operator === 'Exists' ? (key ?? '') : `${key ?? ''}=${value ?? ''}`
  return effect ? `${named}:${effect}` : named
}

function lines(text: string): string[] {
  return text
    .split('\n')
    .map((line) => line.trim())
    .filter(Boolean)
}

function fitting({ pattern, message }: Pattern, text: string): string {
  if (!pattern.test(text)) throw new TextFault(message)
  return text
}

function some<T extends object>(fields: T): T | undefined {
  return Object.keys(fields).length > 0 ? fields : undefined
}

type Present<T> = { [K in keyof T]?: Exclude<T[K], undefined> }

function present<T extends object>(fields: T): Present<T> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Present<T>
}
