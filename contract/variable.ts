import { z } from 'zod'
import { Problem } from './problem'
import { Source, WorkspaceId } from './workspace'

/** Of a value, in characters. It has to fit with all others into a Secret of a cluster, which holds one MiB. */
export const maximumVariableValue = 64 * 1024

/**
 * Names that programs need as they are: a value of the user's would be that of another machine, or keep shells from
 * starting at all.
 */
const reserved = new Set([
  'PATH',
  'HOME',
  'USER',
  'LOGNAME',
  'SHELL',
  'PWD',
  'OLDPWD',
  'SHLVL',
  'TERM',
  'IFS',
  'PPID',
  'UID',
  'EUID',
])

/** What is wrong with the name of a variable, as a sentence; undefined: nothing. */
export function variableNameFault(name: string): string | undefined {
  if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name))
    return 'A name has letters, digits and underscores, and no digit first.'
  if (name.length > 200) return 'A name has at most 200 characters.'
  if (reserved.has(name) || /^BERTH_/i.test(name)) return `${name} is set by the workspace itself.`
  return undefined
}

export const VariableName = z.string().superRefine((name, context) => {
  const fault = variableNameFault(name)
  if (fault !== undefined) context.addIssue({ code: 'custom', message: fault })
})
export type VariableName = z.infer<typeof VariableName>

/** Of a variable: any text that an environment can hold. */
export const VariableValue = z
  .string()
  .max(maximumVariableValue)
  .refine((value) => !value.includes('\0'), 'An environment holds no NUL.')

/** For which workspaces a variable is: all of this user's, those of one source, or one. Later ones win. */
export const VariableScope = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('user') }),
  z.strictObject({ kind: z.literal('project'), source: Source }),
  z.strictObject({ kind: z.literal('workspace'), workspaceId: WorkspaceId }),
])
export type VariableScope = z.infer<typeof VariableScope>

/** One that is set in a scope. A secret's value is never told. */
export const VariableFacts = z.strictObject({
  name: VariableName,
  secret: z.boolean(),
  /** Absent for a secret. */
  value: z.string().optional(),
})
export type VariableFacts = z.infer<typeof VariableFacts>

/** Values for one creation, by name. */
export const GivenVariables = z
  .record(VariableName, VariableValue)
  .refine((values) => Object.keys(values).length <= 100, 'There are more than 100.')
export type GivenVariables = z.infer<typeof GivenVariables>

/** Running workspaces that have a change by now, by name, and what kept others from having it. */
const Applied = z.strictObject({ workspaces: z.array(z.string()), problems: z.array(Problem) })

/** Requests about variables, for the contract's list. Values of secrets go one way only: to the engine. */
export const variableRequests = {
  'variables.list': {
    input: z.strictObject({ scope: VariableScope }),
    output: z.array(VariableFacts),
  },
  /** Rejects with `keychain-unavailable` where a secret cannot be kept; nothing is changed then. */
  'variables.set': {
    input: z.strictObject({
      scope: VariableScope,
      name: VariableName,
      value: VariableValue,
      secret: z.boolean(),
    }),
    output: Applied,
  },
  /** Rejects with `not-found` where the scope has none of this name. */
  'variables.remove': {
    input: z.strictObject({ scope: VariableScope, name: VariableName }),
    output: Applied,
  },
  /**
   * Hands over values for one creation, which are kept in memory and not stored on this machine. The answer is what
   * `CreateInput` names them by.
   */
  'variables.give': {
    input: z.strictObject({ values: GivenVariables }),
    output: z.strictObject({ id: z.uuid() }),
  },
} as const
