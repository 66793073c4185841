import { z } from 'zod'
import { imageAliasFault } from './image-alias'
import { ImageRepository, KubernetesNamespace, LabelKey, LabelValue, Quantity } from './kubernetes'
import { loginFault } from './login-in-url'
import { Problem } from './problem'

/**
 * What a team says of the workspaces of its members: `berth.yaml` in a git repository, or in the ConfigMap
 * `berth-policy` of a namespace. docs/policy.md says what each field does. It guides and stops mistakes; whoever has
 * the target's own tools is not held back by it.
 */

/** Names of labels that are somebody's already: Berth's own, and those of engines and clusters. */
const reservedLabel =
  /^(?:app\.kubernetes\.io\/managed-by$|(?:[^/]*\.)?(?:berth\.dev|kubernetes\.io|k8s\.io)\/|devcontainer\.|(?:com\.docker|io\.docker|org\.dockerproject)\.|(?:[^/]*\.)?docker\.(?:com|io)\/)/

/** Whether a policy may set a label of this name. */
export const isReservedLabel = (key: string) => reservedLabel.test(key)

const Text = z.string().min(1).max(400)
const HttpUrl = z
  .string()
  .max(2000)
  .regex(/^https?:\/\/[^\s@]+$/, 'Write a web address, without a login in it.')

/** Which targets there are: an engine, or a namespace of a cluster; `*` as namespace: every one of the context. */
export const PolicyTarget = z.union([
  z.strictObject({
    /** A context of `docker`. */
    docker: Text,
    name: Text.optional(),
    description: Text.optional(),
    default: z.boolean().optional(),
  }),
  z.strictObject({
    kubernetes: z.strictObject({
      context: Text,
      namespace: z.union([z.literal('*'), KubernetesNamespace]).optional(),
    }),
    name: Text.optional(),
    description: Text.optional(),
    default: z.boolean().optional(),
  }),
])
export type PolicyTarget = z.infer<typeof PolicyTarget>

/** A git repository of dev container templates. */
export const PolicyTemplates = z.strictObject({
  repository: z.string().min(1).max(2000),
  branch: Text.optional(),
})

/** A name of images, in which `*` stands for what has no `/` in it; `**` or a `/` at the end for all that begins so. */
export const ImagePattern = z
  .string()
  .max(300)
  .regex(
    /^[A-Za-z0-9*][A-Za-z0-9._*-]*(?::\d{1,5}(?=\/))?(?:\/[a-z0-9._*-]+)*\/?(?::[\w.*-]{1,128})?(?:@[a-z0-9*]+(?::[0-9a-f*]{1,128})?)?$/,
    'Write an image’s name, in which * may stand for a part: docker.io/library/*, ghcr.io/team/ or debian:12*.',
  )

const Mirrors = z.record(z.string(), z.string()).superRefine((mirrors, context) => {
  for (const [from, to] of Object.entries(mirrors)) {
    const message = imageAliasFault(from, to)
    if (message !== undefined) context.addIssue({ code: 'custom', path: [from], message })
  }
})

const Amounts = z.strictObject({
  cpu: Quantity.optional(),
  memory: Quantity.optional(),
  storage: Quantity.optional(),
})

const Value = z
  .string()
  .max(8192)
  .regex(/^(?:[^$]|\$(?!\{))*$/s, 'A variable here is a plain text: ${…} is not filled in.')

export const PolicyVariable = z.union([
  Value,
  z.strictObject({
    value: Value,
    /** It holds even where the definition has it otherwise. */
    enforce: z.boolean().optional(),
  }),
])

const Labels = z.record(LabelKey, LabelValue).superRefine((labels, context) => {
  for (const key of Object.keys(labels))
    if (isReservedLabel(key))
      context.addIssue({ code: 'custom', path: [key], message: `The label ${key} is reserved.` })
})

/** Kinds of what gives a workspace power over the machine that runs it. */
export const PolicyRight = z.enum([
  'privileged',
  'capability',
  'securityOption',
  'device',
  'deviceRule',
  'namespace',
  'sysctl',
  'folder',
  'clusterObject',
])
export type PolicyRight = z.infer<typeof PolicyRight>

export const Policy = z.strictObject({
  apiVersion: z.literal('berth.dev/v1'),
  kind: z.literal('Policy'),
  metadata: z.strictObject({
    name: z
      .string()
      .regex(/^[a-z0-9](?:[-a-z0-9.]{0,61}[a-z0-9])?$/, 'Use lower-case letters, digits, dashes and dots.'),
  }),
  spec: z.strictObject({
    /** Present: workspaces are made on these targets alone. */
    targets: z.array(PolicyTarget).max(200).optional(),
    templates: z.array(PolicyTemplates).max(200).optional(),
    images: z
      .strictObject({
        /** Present: no other image is used. */
        allowed: z.array(ImagePattern).max(500).optional(),
        denied: z.array(ImagePattern).max(500).optional(),
        /** As the setting `imageAliases`, and before it. */
        mirrors: Mirrors.optional(),
      })
      .optional(),
    resources: z
      .strictObject({
        /** Nothing gets more. */
        max: Amounts.optional(),
        /** What it asks for unless it is told otherwise; of clusters. */
        default: Amounts.optional(),
      })
      .optional(),
    /** Hours without activity after which a workspace is stopped by itself. */
    idle: z
      .strictObject({
        /** Nothing runs idle for longer; “never” is longer. */
        maximum: z
          .number()
          .min(1 / 60)
          .max(168)
          .optional(),
        default: z
          .number()
          .min(1 / 60)
          .max(168)
          .optional(),
        /** Each workspace has such a time. */
        required: z.boolean().optional(),
      })
      .optional(),
    env: z
      .record(
        z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/, 'A variable’s name is letters, digits and _.'),
        PolicyVariable,
      )
      .optional(),
    labels: Labels.optional(),
    /** What a definition may ask for beyond what every workspace has. */
    rights: z.partialRecord(PolicyRight, z.enum(['allow', 'deny'])).optional(),
    /** How clusters get images that are built, unless somebody is told otherwise. */
    build: z
      .strictObject({
        /** Id of a target, such as `docker:default`. */
        builder: Text.optional(),
        pushTo: ImageRepository.optional(),
      })
      .optional(),
    /** Told to whom it concerns. */
    message: z.strictObject({ text: z.string().min(1).max(1000), url: HttpUrl.optional() }).optional(),
  }),
})
export type Policy = z.infer<typeof Policy>

/** What a policy did to a workspace, or will do, in a sentence. */
export const PolicyExplanation = z.strictObject({
  /** The policy's name. */
  policy: z.string(),
  text: z.string(),
})
export type PolicyExplanation = z.infer<typeof PolicyExplanation>

/** What policies come to for one workspace. */
export const PolicyPreview = z.strictObject({
  explanations: z.array(PolicyExplanation),
  /** Why it would not be made; empty where it would. */
  violations: z.array(Problem),
  messages: z.array(z.strictObject({ policy: z.string(), text: z.string(), url: z.string().optional() })),
})
export type PolicyPreview = z.infer<typeof PolicyPreview>

/** A git repository that has a policy. */
export const PolicyRepository = z.strictObject({
  url: z
    .string()
    .min(1)
    .max(2000)
    .superRefine((url, context) => {
      const fault = loginFault(url)
      if (fault !== undefined) context.addIssue({ code: 'custom', message: fault })
    }),
  /** Absent: `berth.yaml`. */
  path: z.string().min(1).max(400).optional(),
  /** Absent: the repository's default. */
  branch: z.string().min(1).max(400).optional(),
})
export type PolicyRepository = z.infer<typeof PolicyRepository>

/** The setting `policy`. */
export const PolicySettings = z.strictObject({
  repositories: z.array(PolicyRepository).max(20).default([]),
  /** What the file of the settings says here cannot be read: what it is about is not known, and not taken for nothing. */
  invalid: z.literal(true).optional(),
})
export type PolicySettings = z.infer<typeof PolicySettings>

/** A policy, or a place where one is expected. */
export const PolicyRecord = z.strictObject({
  id: z.string(),
  origin: z.discriminatedUnion('kind', [
    z.strictObject({ kind: z.literal('repository'), repository: PolicyRepository }),
    z.strictObject({ kind: z.literal('cluster'), targetId: z.string() }),
  ]),
  /**
   * `current`: as its place has it. `old`: an earlier copy holds, as its place does not answer. `failed`: it cannot be
   * read, and nothing is made that it governs. `unseen`: this identity may not look for one.
   */
  state: z.enum(['reading', 'current', 'old', 'failed', 'unseen']),
  /** Of the copy that holds. */
  commit: z.string().optional(),
  /** When its place last told it, milliseconds since the epoch. */
  readAt: z.number().optional(),
  policy: Policy.optional(),
  problem: Problem.optional(),
})
export type PolicyRecord = z.infer<typeof PolicyRecord>
