import type { OperationOutput } from '#contract'

/** Joins pieces of output that may overlap, an answer and the events around it, so that nothing is shown twice or lost. */
export class OutputJoin {
  readonly #ends = new Map<string, number>()

  /** What is new in a piece; empty where all of it came before. */
  take({ stepId, offset, text }: OperationOutput): string {
    const known = this.#ends.get(stepId) ?? 0
    const end = offset + text.length
    if (end <= known) return ''
    this.#ends.set(stepId, end)
    return text.slice(Math.max(0, known - offset))
  }
}
