import type { PolicyExplanation, Problem, ProblemAction } from '#contract'
import { type LoadedPolicy, ruleText } from './loaded'

/** A violation before it is put into words: what is wanted, and what would be allowed. */
export interface Violation {
  readonly title: string
  readonly cause: string
  /** What would be allowed, in a sentence. */
  readonly allowed: string
}

/** Of each kind, for one workspace: a file may name very many images, and people read a few. */
const MOST = 200

/** What policies have to say of one workspace, collected while they are applied. */
export class Findings {
  readonly explanations: PolicyExplanation[] = []
  readonly violations: Problem[] = []

  explain({ policy }: LoadedPolicy, text: string): void {
    const name = policy.metadata.name
    if (this.explanations.length >= MOST) return
    if (!this.explanations.some((one) => one.policy === name && one.text === text))
      this.explanations.push({ policy: name, text })
  }

  violate(by: LoadedPolicy, rule: readonly PropertyKey[], violation: Violation): void {
    if (this.violations.length >= MOST) return
    const problem = violationProblem(by, rule, violation)
    if (!this.violations.some(({ title, detail }) => title === problem.title && detail === problem.detail))
      this.violations.push(problem)
  }
}

function violationProblem(
  by: LoadedPolicy,
  rule: readonly PropertyKey[],
  { title, cause, allowed }: Violation,
): Problem {
  const { metadata, spec } = by.policy
  const { message } = spec
  const actions: ProblemAction[] = message?.url
    ? [{ kind: 'open-url', label: 'What the team says', url: message.url }]
    : []
  return {
    code: 'policy-refused',
    title,
    cause: `${cause} So says the team policy “${metadata.name}”, ${ruleText(by, rule)}.`,
    remedy: message ? `${allowed} ${asSentence(message.text)}` : allowed,
    detail: `${ruleText(by, rule)}\n${by.origin}`,
    ...(actions.length > 0 && { actions }),
  }
}

function asSentence(text: string): string {
  return /[.!?]$/.test(text) ? text : `${text}.`
}

/** Several violations as the one Problem that an action fails with. Undefined: there is none. */
export function joinedViolation(violations: readonly Problem[]): Problem | undefined {
  const [first, ...rest] = violations
  if (!first || rest.length === 0) return first
  return {
    ...first,
    detail: [
      first.detail ?? '',
      ...rest.map(({ title, cause, remedy }) => `${title}. ${cause} ${remedy}`),
    ].join('\n\n'),
  }
}
