/** One row of the table that `npm run bench` prints. */
export interface Bench {
  readonly name: string
  /** What is measured, and against what. */
  readonly title: string
  readonly unit: string
  readonly target: BenchTarget
  /** Pairs of measurements; at least 7. */
  readonly rounds: number
  /** Which quantile of the measurements of either side stands in the table. Absent: 0.5, the median. */
  readonly quantile?: number
  /** Makes what both sides need. Nothing of it is timed. */
  prepare(tools: BenchTools): Promise<PreparedBench>
}

/** Thrown by `prepare`: this machine lacks what the bench needs. Says what. */
export class CannotRun extends Error {}

/**
 * `ratio`: ours / reference has to be at least or at most this. `value`: ours alone, in the bench's unit. `report`: no
 * target, the number is for people.
 */
export type BenchTarget =
  | { readonly kind: 'ratio'; readonly atLeast: number }
  | { readonly kind: 'ratio'; readonly atMost: number }
  | { readonly kind: 'value'; readonly atLeast: number }
  | { readonly kind: 'value'; readonly atMost: number }
  | { readonly kind: 'report' }

export interface PreparedBench {
  /** One measurement of Berth, in the bench's unit. */
  ours(): Promise<number>
  /** One measurement of the reference; absent where there is none. */
  reference?(): Promise<number>
  /** What has to hold besides the numbers: no byte lost, equal checksums. Asked once, after the last round. */
  facts?(): Promise<readonly Fact[]>
  dispose(): Promise<void>
}

export interface Fact {
  readonly what: string
  readonly value: string
  readonly pass: boolean
}

export interface BenchTools {
  /** A line on stderr, for whoever watches. */
  say(line: string): void
}
