import { z } from 'zod'
import { NotApplied } from './definition'
import { Problem } from './problem'

/** Names the templates that Berth brings along, where a repository's key is expected. */
export const bundledTemplates = 'bundled'

/** What is wrong with the address of a repository, in a sentence; undefined: nothing. */
export function repositoryUrlFault(url: string): string | undefined {
  if (!/^(?:(?:https?|ssh|git|file):\/\/[^\s#-][^\s#]*|[\w.-]+@[\w][\w.-]*:[^\s#-][^\s#]*)$/.test(url))
    return 'Give the https, ssh, git or file URL of a git repository.'
  if (/^\w+:\/\/[^/@]*:[^/@]*@/.test(url) || /^https?:\/\/[^/@]*@/.test(url))
    return 'Leave the user name and the password out: your git knows them.'
  return undefined
}

/** A git repository of dev container templates. */
export const TemplateRepository = z.strictObject({
  /** https, ssh (also `user@host:path`), git or file URL, without credentials. */
  url: z
    .string()
    .max(2000)
    .superRefine((url, context) => {
      const message = repositoryUrlFault(url)
      if (message !== undefined) context.addIssue({ code: 'custom', message })
    }),
  /** Or a tag; absent: the repository's default branch. */
  branch: z
    .string()
    .regex(/^[^\s~^:?*[\\-][^\s~^:?*[\\]{0,399}$/, 'This is no name of a branch.')
    .optional(),
})
export type TemplateRepository = z.infer<typeof TemplateRepository>

/** How a repository is named in requests and favourites: its URL, and `#branch` where one is named. */
export function repositoryKey({ url, branch }: TemplateRepository): string {
  return branch === undefined ? url : `${url}#${branch}`
}

/** Which template is meant. */
export const TemplateReference = z.strictObject({
  /** {@link bundledTemplates}, or the key of a repository. */
  repository: z.string().min(1).max(2500),
  /** Name of its folder; in the root of a repository: its own id. */
  id: z.string().min(1).max(200),
})
export type TemplateReference = z.infer<typeof TemplateReference>

/** The user's preferences about templates. */
export const TemplateSettings = z.strictObject({
  /** Besides those that Berth brings along; in the order in which they are shown. */
  repositories: z.array(TemplateRepository).max(50).default([]),
  favourites: z.array(TemplateReference).max(500).default([]),
})
export type TemplateSettings = z.infer<typeof TemplateSettings>

/** A choice that a template leaves to whoever uses it (containers.dev, "Dev Container Templates", "The options property"). */
export const TemplateOption = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('boolean'), description: z.string(), default: z.boolean() }),
  z.strictObject({
    type: z.literal('string'),
    description: z.string(),
    default: z.string(),
    /** What may be chosen, or is proposed. */
    values: z.array(z.string()),
    /** Whether any other text may be given as well. */
    free: z.boolean(),
  }),
])
export type TemplateOption = z.infer<typeof TemplateOption>

/** What a template says about itself. */
export const Template = z.strictObject({
  id: z.string(),
  name: z.string(),
  description: z.string(),
  version: z.string(),
  /** http or https. */
  documentationUrl: z.string().optional(),
  keywords: z.array(z.string()),
  /** By name, in the order in which the template has them. */
  options: z.record(z.string(), TemplateOption),
  /** Files, or folders as `folder/*`, that may be left out. */
  optionalPaths: z.array(z.string()),
})
export type Template = z.infer<typeof Template>

/** Where templates come from, with all that are there. */
export const TemplateSource = z.strictObject({
  /** {@link bundledTemplates}, or the key of a repository. */
  key: z.string(),
  /** For people: `Berth`, or the last parts of the URL. */
  name: z.string(),
  /** Full id of the commit that is shown; absent for those of Berth, and for a repository that was never fetched. */
  commit: z.string().optional(),
  /** When that was fetched, milliseconds since the epoch. */
  fetchedAt: z.number().optional(),
  templates: z.array(Template),
  /** Templates that cannot be used, with their mistakes. */
  faulty: z.array(z.strictObject({ id: z.string(), problem: Problem })),
  /** Why the repository could not be fetched or read. What was fetched before is shown all the same. */
  problem: Problem.optional(),
})
export type TemplateSource = z.infer<typeof TemplateSource>

/** Values of options; what is left out has its default. */
export const TemplateValues = z.record(z.string().max(200), z.union([z.string().max(2000), z.boolean()]))
export type TemplateValues = z.infer<typeof TemplateValues>

const Choice = z.strictObject({
  template: TemplateReference,
  options: TemplateValues.default({}),
  /** Of the template's `optionalPaths`, those that are left out. */
  omit: z.array(z.string().max(1000)).max(500).default([]),
})

/** What a template becomes with its options filled in. */
export const RenderedTemplate = z.strictObject({
  files: z.array(
    z.strictObject({
      path: z.string(),
      /** Bytes. */
      size: z.number().int(),
      /** Absent where it is no text, or too long to be shown. */
      text: z.string().optional(),
    }),
  ),
  /** Entries that are not written, and why. */
  leftOut: z.array(z.strictObject({ path: z.string(), reason: z.string() })),
  /** The text of its devcontainer.json, and where it lies. */
  definition: z.strictObject({ path: z.string(), text: z.string() }),
  /** Why the definition cannot be used without the template's other files, in a sentence; absent where it can. */
  needsFiles: z.string().optional(),
  notApplied: z.array(NotApplied),
})
export type RenderedTemplate = z.infer<typeof RenderedTemplate>

export const NewRepository = z.strictObject({
  /** Absolute path. */
  folder: z.string(),
  files: z.array(z.string()),
  leftOut: RenderedTemplate.shape.leftOut,
  /** Of the first commit; absent where git knows nobody who could have made it. */
  commit: z.string().optional(),
  /** Why there is no commit, in a sentence; absent where there is one. */
  uncommitted: z.string().optional(),
})
export type NewRepository = z.infer<typeof NewRepository>

/** The part of `requests` that is about templates. */
export const templateRequests = {
  /** All templates, as they were fetched last. Fetches nothing. */
  'templates.list': {
    input: z.strictObject({
      /** A repository that is not among the settings. */
      repository: TemplateRepository.optional(),
    }),
    output: z.strictObject({ sources: z.array(TemplateSource) }),
  },
  /** Fetches the newest commit of a repository. What cannot be fetched is told by the source's `problem`. */
  'templates.refresh': { input: z.strictObject({ repository: TemplateRepository }), output: TemplateSource },
  /** Rejects with `definition-invalid` where what comes out is no definition, and with `invalid-input` for wrong options. */
  'templates.render': { input: Choice, output: RenderedTemplate },
  /**
   * Writes a template's files into a new or an empty folder of this machine, makes a git repository of it with the
   * branch `main`, and commits. Rejects with `file-exists` where the folder is not empty; then, and whenever it fails,
   * nothing of it is left.
   */
  'templates.newRepository': {
    input: Choice.extend({
      /** Absolute path, or one that begins with `~/`. */
      folder: z.string().min(1).max(4096),
    }),
    output: NewRepository,
  },
} as const
