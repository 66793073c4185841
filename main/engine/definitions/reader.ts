import type { Definition } from '#contract'

/**
 * A repository's files as the formats need them, wherever they are: a folder of this machine, a git server, or a
 * workspace's volume. Paths are relative to the repository's root, with `/`, and never leave it.
 */
export interface RepositoryReader {
  /**
   * The file's bytes; undefined when there is no such file. Rejects with `definition-invalid` when it is longer than
   * `limit` bytes or leads out of the repository through a link.
   */
  read(path: string, limit: number): Promise<Uint8Array | undefined>
  /** Whether there is a file or folder of this name. `.` is the root. */
  exists(path: string): Promise<boolean>
  /** Names of what is directly inside a folder, sorted; empty where there is no such folder. */
  list(folder: string): Promise<readonly string[]>
}

/** What a definition is read for. */
export interface DefinitionContext {
  readonly workspaceId: string
  /** The repository's own name: its folder is `/workspaces/<sourceName>` unless the definition says otherwise. */
  readonly sourceName: string
  /** Present when the source is a repository of a git server. */
  readonly sourceUrl?: string
  /** Present when the source is a folder of this machine. */
  readonly localFolder?: string
  /** Used where the definition names none. */
  readonly defaultImage: string
  /** The environment of this machine, for `${localEnv:…}`. */
  readonly env: Readonly<Record<string, string | undefined>>
  /** Whether the target can mount folders of this machine. */
  readonly bindMounts: boolean
  /**
   * The text at an `http(s)` address, of at most `limit` bytes; rejects with an Error that says in a sentence why not, or
   * with an AbortError where nobody waits any longer.
   * Absent: nothing can be fetched, and a definition that goes on elsewhere is refused.
   */
  fetchText?(address: string, limit: number): Promise<string>
  /**
   * A DevWorkspaceTemplate of the target's cluster (workspace.devfile.io/v1alpha2), or why it is not to be had. Rejects
   * with a `ProblemError`, or with an AbortError as above. Absent: the target is no cluster.
   */
  fetchTemplate?(reference: TemplateReference): Promise<TemplateAnswer>
}

export interface TemplateReference {
  readonly name: string
  /** Absent: the target's own. */
  readonly namespace?: string
}

export type TemplateAnswer =
  /** `text`: its `spec` as JSON. */
  | { readonly kind: 'found'; readonly text: string }
  /** Two sentences: why, and what to do. */
  | { readonly kind: 'refused'; readonly cause: string; readonly remedy: string }

/** One file format that says what a workspace should be. Each has a folder of its own. */
export interface DefinitionFormat {
  readonly format: Definition['format']
  /** Whether a file of this format is used when nobody chose one. */
  readonly automatic: boolean
  /** The repository's files of this format, the preferred one first. */
  find(reader: RepositoryReader): Promise<readonly string[]>
  /** Whether a file that somebody chose by its path is of this format. */
  matches(path: string): boolean
  /** Rejects with `definition-invalid` or `definition-unsupported`. */
  read(path: string, reader: RepositoryReader, context: DefinitionContext): Promise<Definition>
}
