import { z } from 'zod'
import { type Pattern, kubernetesPatterns as patterns } from './kubernetes-patterns'

/** An amount as Kubernetes writes it: `500m`, `2`, `4Gi` (resource.Quantity). */
export const Quantity = fitting(patterns.quantity)
/** Of a node, a pod or any other object: `[prefix/]name`, the prefix a DNS name (apimachinery, qualified names). */
export const LabelKey = fitting(patterns.labelKey)
export const LabelValue = fitting(patterns.labelValue)
/** A name as Kubernetes takes it for a namespace: a DNS label (RFC 1123). */
export const KubernetesNamespace = fitting(patterns.namespace)

function fitting({ pattern, message }: Pattern) {
  return z.string().regex(pattern, message)
}

/** A repository of a registry, without tag: `[host[:port]/]path` (distribution's reference grammar). */
export const ImageRepository = z
  .string()
  .max(400)
  .regex(
    /^(?:[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?(?::\d+)?\/)?[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*)*$/,
    'Write it as registry.example.com/team/workspaces, without a tag.',
  )

const Amounts = z.strictObject({ cpu: Quantity.optional(), memory: Quantity.optional() })

export const Toleration = z.strictObject({
  key: z.string().optional(),
  operator: z.enum(['Equal', 'Exists']).optional(),
  value: z.string().optional(),
  effect: z.enum(['NoSchedule', 'PreferNoSchedule', 'NoExecute']).optional(),
  tolerationSeconds: z.number().int().optional(),
})

/** In place of a Docker engine's id: a pod of the cluster itself builds. */
export const CLUSTER_BUILDER = 'cluster'
/** What it runs, unless another image is chosen. */
export const CLUSTER_BUILDER_IMAGE = 'docker.io/moby/buildkit:rootless'

/**
 * What a workspace asks of its cluster beyond its definition. Every field may be left out: then the namespace's
 * LimitRange, the default storage class and the scheduler decide.
 */
export const KubernetesOptions = z.strictObject({
  /** What it is sure to get, and what a node must have free. */
  requests: Amounts.optional(),
  /** What it never gets more of. */
  limits: Amounts.optional(),
  gpu: z
    .strictObject({
      /** What the device plugin of the nodes calls it. */
      resource: z.string().min(1).default('nvidia.com/gpu'),
      count: z.number().int().min(1),
    })
    .optional(),
  /** Size of the volume for source and home; absent: 10Gi. It may grow later, and never shrinks. */
  storage: Quantity.optional(),
  /** Absent: the cluster's default. It cannot be changed later. */
  storageClass: z.string().min(1).optional(),
  nodeSelector: z.record(LabelKey, LabelValue).optional(),
  tolerations: z.array(Toleration).optional(),
  /** Secrets of the namespace, of type kubernetes.io/dockerconfigjson. */
  pullSecrets: z.array(z.string().min(1)).optional(),
  /**
   * Give the cluster this machine's Docker login for the image's registry, in a Secret that goes with the workspace. A
   * rebuild renews it where there is a login.
   */
  dockerLogin: z.boolean().optional(),
  /** How the image of a definition with a `build` is made. */
  build: z
    .strictObject({
      /** Id of the target that builds it, a Docker engine; or {@link CLUSTER_BUILDER}. */
      builder: z.string().min(1).optional(),
      /** Where it is pushed to, and where the cluster pulls it from. */
      pushTo: ImageRepository.optional(),
      /** The image of the builder in the cluster: BuildKit's, made for running without root. */
      builderImage: z.string().min(1).max(500).optional(),
    })
    .optional(),
  /** Labels and annotations of the user's own, on the pod and on all that belongs to it. */
  labels: z.record(LabelKey, LabelValue).optional(),
  annotations: z.record(LabelKey, z.string()).optional(),
})
export type KubernetesOptions = z.infer<typeof KubernetesOptions>
