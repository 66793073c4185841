import { z } from 'zod'
import { VariableName } from '#contract'
import { GIVEN, type HeldVariable, type HeldVariables } from '../link/variables-file'
import type { Value } from './store'

export interface Change {
  /** Of this machine: what it put there before and has no more goes. */
  readonly origin: string
  readonly values: ReadonlyMap<string, Value>
  /** Ours, but not to be had just now: what is there stays. */
  readonly unreadable: ReadonlySet<string>
  /** For this creation alone. */
  readonly given?: Readonly<Record<string, string>> | undefined
  /** One that was just set or removed: what a creation was given for it, or another machine set, counts no more. */
  readonly decided?: string | undefined
}

/** What a workspace has once this machine's word is added to what it has already. */
export function mergeVariables(kept: HeldVariables, change: Change): HeldVariables {
  const { origin, values, unreadable, given = {}, decided } = change
  const merged = new Map<string, HeldVariable>()
  for (const [name, held] of kept) {
    if (name === decided) continue
    if (held.origin !== origin || unreadable.has(name)) merged.set(name, held)
  }
  for (const [name, { value, secret }] of values) {
    if (merged.get(name)?.origin !== GIVEN) merged.set(name, { value, secret, origin })
  }
  for (const [name, value] of Object.entries(given)) merged.set(name, { value, secret: true, origin: GIVEN })
  return new Map([...merged].sort(([left], [right]) => (left < right ? -1 : 1)))
}

/** Beside the values, in what a target keeps: whose they are. No variable has a dot in its name. */
const FACTS = 'berth.facts'
/** Of what somebody else put there, with kubectl say. */
const UNKNOWN = 'target'

const Facts = z.record(z.string(), z.strictObject({ origin: z.string(), secret: z.boolean() }))

/** As a target keeps them: a value by each name. Empty for no variables. */
export function toKept(variables: HeldVariables): Record<string, string> {
  if (variables.size === 0) return {}
  const facts = Object.fromEntries(
    [...variables].map(([name, { origin, secret }]) => [name, { origin, secret }]),
  )
  return {
    ...Object.fromEntries([...variables].map(([name, { value }]) => [name, value])),
    [FACTS]: JSON.stringify(facts),
  }
}

/** What a target keeps. What is no variable there is left out. */
export function fromKept(kept: Readonly<Record<string, string>>): HeldVariables {
  const facts = readFacts(kept[FACTS])
  return new Map(
    Object.entries(kept).flatMap(([name, value]): [string, HeldVariable][] => {
      if (!VariableName.safeParse(name).success || value.includes('\0')) return []
      const { origin = UNKNOWN, secret = true } = (Object.hasOwn(facts, name) ? facts[name] : undefined) ?? {}
      return [[name, { value, secret, origin }]]
    }),
  )
}

function readFacts(text: string | undefined): z.infer<typeof Facts> {
  try {
    return Facts.parse(JSON.parse(text ?? '{}'))
  } catch {
    return {}
  }
}

/** Whether two say the same. */
export function isSame(left: HeldVariables, right: HeldVariables): boolean {
  return JSON.stringify([...left]) === JSON.stringify([...right])
}
