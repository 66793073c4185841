import type { V1Status } from '@kubernetes/client-node'

/** How a remote command ended, as its status channel tells it (`v4.channel.k8s.io` and later). */
export type CommandEnd =
  | { readonly kind: 'exited'; readonly code: number }
  /** It was never started: what `docker exec` tells as code 126 or 127, with the runtime's words. */
  | { readonly kind: 'not-started'; readonly code: 126 | 127; readonly message: string }
  | { readonly kind: 'failed'; readonly message: string }

/** No runtime says more than this about one exec. */
export const LONGEST_STATUS = 64 * 1024

/** Runtimes put these words before what the kernel said of a program that it could not execute. */
const EXECUTE_FAILED =
  /OCI runtime exec failed|failed to exec in container|error executing command in container|unable to start container process|starting container process caused/i

/** Reads the text of a status channel; undefined where it holds no whole Status. */
export function readStatus(text: string): CommandEnd | undefined {
  let status: Partial<V1Status>
  try {
    status = JSON.parse(text) as Partial<V1Status>
  } catch {
    return undefined
  }
  if (typeof status !== 'object' || status === null) return undefined
  if (status.status === 'Success') return { kind: 'exited', code: 0 }
  const message = status.message ?? status.reason ?? text
  const code = status.details?.causes?.find((cause) => cause.reason === 'ExitCode')?.message
  if (code !== undefined && /^\d+$/.test(code)) return { kind: 'exited', code: Number(code) }
  if (EXECUTE_FAILED.test(message)) {
    if (/executable file not found|no such file or directory/i.test(message))
      return { kind: 'not-started', code: 127, message }
    if (/permission denied|is a directory|not a directory|exec format error/i.test(message))
      return { kind: 'not-started', code: 126, message }
  }
  return { kind: 'failed', message }
}
