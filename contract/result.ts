import type { Problem } from './problem'

/** How results travel between processes: never as a thrown error, of which only the message would survive. */
export type Result<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly problem: Problem }
