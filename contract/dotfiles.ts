import { z } from 'zod'
import { loginFault } from './login-in-url'

/** What is wrong with where dotfiles go, as a sentence; undefined: nothing. */
function targetFault(path: string): string | undefined {
  if (/[\0\r\n]/.test(path)) return 'A path is one line.'
  if (!/^(~\/|\/)./.test(path)) return 'It begins with ~/ or /.'
  if (path.split('/').includes('..')) return 'It has no “..”.'
  return undefined
}

/** The user's own files for the home of each new workspace, as Codespaces and the dev container CLI have them. */
export const Dotfiles = z.strictObject({
  /** As a person types it: a git URL, or `owner/name` of GitHub. Without credentials. */
  repository: z
    .string()
    .trim()
    .min(1)
    .max(2000)
    .superRefine((url, context) => {
      const fault = loginFault(url)
      if (fault !== undefined) context.addIssue({ code: 'custom', message: fault })
    }),
  /** Absent: `~/dotfiles`. */
  targetPath: z
    .string()
    .trim()
    .min(1)
    .max(1000)
    .superRefine((path, context) => {
      const fault = targetFault(path)
      if (fault !== undefined) context.addIssue({ code: 'custom', message: fault })
    })
    .optional(),
  /** A file of the repository, or a shell line that is run in it. Absent: what the repository has for it. */
  installCommand: z.string().trim().min(1).max(2000).optional(),
})
export type Dotfiles = z.infer<typeof Dotfiles>
