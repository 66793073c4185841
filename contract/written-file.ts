import { z } from 'zod'

/** Characters of one file, and files of one container. */
export const maximumWrittenText = 64 * 1024
export const maximumWrittenFiles = 50

/**
 * A small file that is no file of the source and is written into a container when that is made (Compose specification,
 * "configs" and "secrets"). Exactly one of `text` and `variable` is present. Who it belongs to, and who may read it, is
 * applied as far as the target can.
 */
export const WrittenFile = z.strictObject({
  /** Absolute path inside the container. */
  target: z
    .string()
    .max(4096)
    .regex(/^\/[^\0\n]*[^/\0\n]$/)
    .refine((path) => !path.split('/').includes('..')),
  /** What is in it; variables that name this machine's environment stay as written, as in `containerEnv`. */
  text: z.string().max(maximumWrittenText).optional(),
  /** The variable of this machine's environment whose value is in it, which counts as a secret. */
  variable: z.string().min(1).max(500).optional(),
  /** Absent: root. */
  uid: z.number().int().min(0).max(4_294_967_294).optional(),
  gid: z.number().int().min(0).max(4_294_967_294).optional(),
  /** Permission bits; absent: everybody can read it. */
  mode: z.number().int().min(0).max(0o777).optional(),
})
export type WrittenFile = z.infer<typeof WrittenFile>
