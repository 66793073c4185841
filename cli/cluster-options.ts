import { KubernetesOptions, parsePairs, parseToleration, TextFault } from '#contract'
import { UsageError } from './exit-codes'

/** What `berth up` takes for a workspace on a cluster, as commander gives it. */
export interface ClusterOptions {
  readonly cpu?: string
  readonly cpuLimit?: string
  readonly memory?: string
  readonly memoryLimit?: string
  readonly gpu?: string
  readonly storage?: string
  readonly storageClass?: string
  readonly nodeSelector?: readonly string[]
  readonly toleration?: readonly string[]
  readonly pullSecret?: readonly string[]
  /** The id of a target. */
  readonly builder?: string
  readonly pushTo?: string
  readonly dockerLogin?: boolean
  readonly label?: readonly string[]
  readonly annotation?: readonly string[]
}

/** By the path of a field, the option that it came from. */
const flags: Readonly<Record<string, string>> = {
  'requests.cpu': '--cpu',
  'limits.cpu': '--cpu-limit',
  'requests.memory': '--memory',
  'limits.memory': '--memory-limit',
  gpu: '--gpu',
  storage: '--storage',
  storageClass: '--storage-class',
  nodeSelector: '--node-selector',
  tolerations: '--toleration',
  pullSecrets: '--pull-secret',
  'build.builder': '--builder',
  'build.pushTo': '--push-to',
  labels: '--label',
  annotations: '--annotation',
}

/** Undefined where none of them was given. Throws a `UsageError` that names the option which is not right. */
export function clusterOptions(given: ClusterOptions): KubernetesOptions | undefined {
  const requests = present({ cpu: given.cpu, memory: given.memory })
  const limits = present({ cpu: given.cpuLimit, memory: given.memoryLimit })
  const build = present({ builder: given.builder, pushTo: given.pushTo })
  const wanted = present({
    requests: Object.keys(requests).length > 0 ? requests : undefined,
    limits: Object.keys(limits).length > 0 ? limits : undefined,
    gpu: given.gpu === undefined ? undefined : gpuOf(given.gpu),
    storage: given.storage,
    storageClass: given.storageClass,
    nodeSelector: pairs('--node-selector', given.nodeSelector),
    tolerations: given.toleration?.map((text) => read('--toleration', () => parseToleration(text))),
    pullSecrets: given.pullSecret,
    build: Object.keys(build).length > 0 ? build : undefined,
    dockerLogin: given.dockerLogin,
    labels: pairs('--label', given.label),
    annotations: pairs('--annotation', given.annotation),
  })
  if (Object.keys(wanted).length === 0) return undefined
  const parsed = KubernetesOptions.safeParse(wanted)
  if (parsed.success) return parsed.data
  const [issue] = parsed.error.issues
  const path = issue?.path.map(String) ?? []
  const flag = flags[path.slice(0, 2).join('.')] ?? flags[path[0] ?? ''] ?? ''
  // Of a record's key the schema says why one level down.
  const why = issue?.code === 'invalid_key' ? issue.issues[0]?.message : issue?.message
  throw new UsageError(`${flag}: ${why ?? 'it is not valid.'}`)
}

/** `2`, or `amd.com/gpu=2` where the device plugin of the nodes calls it so. */
function gpuOf(text: string): { resource?: string; count: number } {
  const at = text.lastIndexOf('=')
  const count = text.slice(at + 1)
  if (!/^[1-9]\d{0,3}$/.test(count)) throw new UsageError('--gpu: Give a count, or resource=count.')
  return { count: Number(count), ...(at > 0 ? { resource: text.slice(0, at) } : {}) }
}

/** Reads a text that was given with an option. */
function read<T>(flag: string, parse: () => T): T {
  try {
    return parse()
  } catch (error) {
    throw error instanceof TextFault ? new UsageError(`${flag}: ${error.message}`) : error
  }
}

function pairs(flag: string, given: readonly string[] | undefined): Record<string, string> | undefined {
  return given && read(flag, () => parsePairs(given))
}

function present<T extends object>(fields: T): Partial<T> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Partial<T>
}
