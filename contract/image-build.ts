import { z } from 'zod'

/** What a build may read at `RUN --mount=type=secret,id=…`; never its value. */
export const BuildSecret = z.strictObject({
  id: z.string(),
  /** Path of a file of the repository, relative to its root. */
  file: z.string().optional(),
  /** A variable of this machine's environment; given only to a build that the user has allowed it to. */
  env: z.string().optional(),
})
export type BuildSecret = z.infer<typeof BuildSecret>

/** A git repository that an image is built of in place of the source. */
export const BuildRepository = z.strictObject({
  url: z.string(),
  /** Branch, tag or commit; absent: what the repository has checked out. */
  ref: z.string().optional(),
})
export type BuildRepository = z.infer<typeof BuildRepository>

/** The same for builds of the same files. */
export function buildRepositoryKey({ url, ref = '' }: BuildRepository): string {
  return JSON.stringify([url, ref])
}

/** What a Dockerfile may take from under a name of its own; one of the three is present. */
export const BuildContext = z.strictObject({
  name: z.string(),
  /** Relative to the repository's root; `.` is the root itself. */
  folder: z.string().optional(),
  image: z.string().optional(),
  /** Of a git repository or a file, fetched by the builder. */
  url: z.string().optional(),
})
export type BuildContext = z.infer<typeof BuildContext>

/** How an image is built of files of the repository. */
export const ImageBuild = z.strictObject({
  /** Present: paths are relative to the root of this one, and nothing of the source goes into the image. */
  repository: BuildRepository.optional(),
  /** Path of the Dockerfile, relative to the repository's root. Not read where `inline` is present. */
  dockerfile: z.string(),
  /** Build context, relative to the repository's root; `.` is the root itself. */
  context: z.string(),
  args: z.record(z.string(), z.string()),
  contexts: z.array(BuildContext).optional(),
  target: z.string().optional(),
  cacheFrom: z.array(z.string()).optional(),
  /** The Dockerfile's text, where the definition has it itself. */
  inline: z.string().optional(),
  labels: z.record(z.string(), z.string()).optional(),
  /** Of commands while they build; absent: as the engine does it. */
  network: z.enum(['default', 'none', 'host']).optional(),
  /** `name:address` each. */
  extraHosts: z.array(z.string()).optional(),
  /** `linux/amd64`; absent: the engine's own. */
  platform: z.string().optional(),
  /** Bytes of /dev/shm. */
  shmSize: z.number().int().positive().optional(),
  /** Nothing of earlier builds is used. */
  noCache: z.boolean().optional(),
  /** The registry is asked for newer base images. */
  pull: z.boolean().optional(),
  secrets: z.array(BuildSecret).optional(),
  /** Names under which `RUN --mount=type=ssh` asks for the user's SSH agent. */
  ssh: z.array(z.string()).optional(),
})
export type ImageBuild = z.infer<typeof ImageBuild>

/** A secret's name in a build, as `--mount=type=secret,id=` has it. */
export const BuildSecretId = z
  .string()
  .regex(/^[\w.-]{1,128}$/, 'Use letters, digits, dots, hyphens and underscores.')

/** What the user lets a build have of this machine. Names and places only: values are read when a build asks. */
export const BuildGrants = z.strictObject({
  /** Without `env` and `file`: what the definition says, else the variable of the secret's name. */
  secrets: z
    .array(
      z.strictObject({
        id: BuildSecretId,
        env: z.string().min(1).max(256).optional(),
        /** Absolute path on the machine that asks for the build. */
        file: z.string().min(1).max(4096).optional(),
        /** Its value was handed over by `builds.give`, which answered with this. */
        given: z.uuid().optional(),
      }),
    )
    .max(64)
    .optional(),
  /** The user's own SSH agent, to list keys and to sign. */
  ssh: z.boolean().optional(),
  /** The network of the engine's machine, where the definition asks for it. */
  hostNetwork: z.boolean().optional(),
})
export type BuildGrants = z.infer<typeof BuildGrants>

/** What the builds of a definition ask for of this machine, as far as its files tell. */
export const BuildAsks = z.strictObject({
  secrets: z.array(BuildSecret),
  ssh: z.boolean(),
  hostNetwork: z.boolean(),
})
export type BuildAsks = z.infer<typeof BuildAsks>

/** Of a secret's value, in characters: BuildKit takes no larger ones. */
const maximumBuildSecret = 500 * 1024

/** Requests about builds, for the contract's list. */
export const buildRequests = {
  /**
   * Hands over values of secrets, which are kept in the engine's memory and stored nowhere. The answer is what
   * `BuildGrants` names each of them by.
   */
  'builds.give': {
    input: z.strictObject({
      values: z
        .record(BuildSecretId, z.string().min(1).max(maximumBuildSecret))
        .refine((values) => Object.keys(values).length <= 64, 'There are more than 64.'),
    }),
    output: z.strictObject({ id: z.uuid() }),
  },
  /** What the builds of a workspace would ask for if it were rebuilt now. Reads its source anew. */
  'builds.asks': { input: z.strictObject({ workspaceId: z.string() }), output: BuildAsks },
} as const
