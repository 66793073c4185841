import { z } from 'zod'
import { Problem } from './problem'
import { WorkspaceId } from './workspace'

/** A path of a workspace or of this machine, absolute. Bytes of a name that are no UTF-8 are lone surrogates. */
export const FilePath = z
  .string()
  .min(1)
  .max(8192)
  .refine((path) => !path.includes('\0'), 'holds a NUL character')
export type FilePath = z.infer<typeof FilePath>

/** What something in a folder may be called. */
export const FileName = z
  .string()
  .min(1, 'is empty')
  .max(255, 'is too long')
  .refine((name) => !/[/\0]/.test(name), 'holds a slash')
  .refine((name) => name !== '.' && name !== '..', 'is no name')
export type FileName = z.infer<typeof FileName>

export const FileKind = z.enum(['file', 'folder', 'link', 'other'])
export type FileKind = z.infer<typeof FileKind>

/** Something in a folder of a workspace. */
export const FileRecord = z.strictObject({
  name: z.string(),
  kind: FileKind,
  /** Of a link only: what it leads to in the end; absent where it leads to nothing, or was not looked at. */
  target: FileKind.optional(),
  /** Bytes. */
  size: z.number(),
  modified: z.number(),
  /** Permission bits. */
  mode: z.number().int(),
})
export type FileRecord = z.infer<typeof FileRecord>

export const FolderListing = z.strictObject({
  /** The folder, absolute. */
  path: z.string(),
  /** Folders first, then by name. */
  entries: z.array(FileRecord),
  /** It has more than these. */
  truncated: z.boolean(),
})
export type FolderListing = z.infer<typeof FolderListing>

/** What can be shown of a file without copying it. */
export const FilePreview = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('text'), text: z.string(), truncated: z.boolean(), size: z.number() }),
  z.strictObject({
    kind: z.literal('image'),
    mediaType: z.string(),
    data: z.instanceof(Uint8Array),
    size: z.number(),
  }),
  /** Nothing that a person could read, or too large. */
  z.strictObject({
    kind: z.literal('none'),
    reason: z.enum(['binary', 'large', 'special']),
    size: z.number(),
  }),
])
export type FilePreview = z.infer<typeof FilePreview>

/** Files or folders on their way, or the memory of that. */
export const Transfer = z.strictObject({
  id: z.string(),
  workspaceId: WorkspaceId,
  direction: z.enum(['upload', 'download']),
  /** Of the first of what is copied. */
  name: z.string(),
  /** How many things were named to be copied; a folder is one. */
  items: z.number().int(),
  /** The folder that they go to. */
  to: z.string(),
  /** `waiting`: there is no connection to the workspace just now; it goes on by itself. */
  state: z.enum(['running', 'waiting', 'done', 'failed', 'cancelled']),
  /** So far. */
  files: z.number().int(),
  bytes: z.number(),
  /** Bytes of all of it; absent where that is not known. */
  total: z.number().optional(),
  /** What was not copied, the first of it, each with the reason; and how much that was. */
  skipped: z.array(z.strictObject({ path: z.string(), reason: z.string() })),
  skippedCount: z.number().int(),
  problem: Problem.optional(),
  startedAt: z.number(),
  endedAt: z.number().optional(),
})
export type Transfer = z.infer<typeof Transfer>
