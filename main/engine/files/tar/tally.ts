/** Who counts what is copied. */
export interface Tally {
  addFile(path: string): void
  addBytes(count: number): void
  /** Something is not copied; `reason` ends a sentence. */
  skip(path: string, reason: string): void
}
