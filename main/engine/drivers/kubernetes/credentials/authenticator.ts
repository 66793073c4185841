import type { Problem } from '#contract'

/** Proof of who asks, as it was obtained at one moment. Never changed afterwards; compared by identity. */
export interface Credential {
  /** Value of the header. */
  readonly authorization?: string
  /** PEM. */
  readonly cert?: string
  readonly key?: string
}

/** One way to obtain a credential. Shared by all targets of one identity. */
export interface Authenticator {
  /** What holds now, renewed where it has expired. Rejects with a ProblemError. */
  current(signal?: AbortSignal): Promise<Credential>
  /** The server did not take it. Absent: whatever is kept. What was renewed since is left alone. */
  reject(credential?: Credential): void
  /** Why it was not taken although it is the newest. */
  refusal(): Refusal
  dispose(): void
}

export type Refusal = Pick<Problem, 'code' | 'cause' | 'remedy'> & Pick<Partial<Problem>, 'detail'>

export function bearer(token: string): string {
  return `Bearer ${token}`
}
