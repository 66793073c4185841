import type { Policy } from '#contract'

/** A policy as it holds, with where it stands. */
export interface LoadedPolicy {
  readonly policy: Policy
  /** Of its file, for messages. */
  readonly path: string
  /** The place that the file is in: a git URL, or a namespace. */
  readonly origin: string
  /** What is to be known of this copy, in a sentence without a full stop. */
  readonly note?: string
  /** The line of a field by its path, the first line being 1. */
  lineOf(path: readonly PropertyKey[]): number
}

/** What a rule is called in a message: `berth.yaml:12 (spec.images.allowed)`. */
export function ruleText({ path, lineOf }: LoadedPolicy, rule: readonly PropertyKey[]): string {
  return `${path}:${lineOf(rule)} (${rule.map(String).join('.')})`
}
