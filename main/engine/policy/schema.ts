import { z } from 'zod'
import { Policy } from '#contract'

/** The JSON Schema (2020-12) of a policy, by which editors check a `berth.yaml` while it is written. */
export function policySchema(): Record<string, unknown> {
  const { $schema, ...schema } = z.toJSONSchema(Policy, { io: 'input', unrepresentable: 'any' })
  return { $schema, title: 'Team policy of Berth', ...schema }
}
