import type { CreateInput } from '#contract'
import { variableNameFault } from '#contract'
import type { Engine } from '../main/engine/engine'
import type { CommandContext } from './execute'
import { UsageError } from './exit-codes'
import { canAsk, readSecret } from './hidden'
import { printable } from './text'

/**
 * Values for the creation: of `--secret NAME` from this process's environment, else asked for; of those that the
 * definition wants, what a person at the terminal types. Resolves with what `CreateInput` names them by.
 */
export async function giveSecrets(
  context: CommandContext,
  engine: Engine,
  input: CreateInput,
  names: readonly string[] = [],
): Promise<Pick<CreateInput, 'givenVariables'>> {
  const values: Record<string, string> = {}
  for (const name of new Set(names)) {
    const fault = variableNameFault(name)
    if (fault !== undefined) throw new UsageError(`--secret ${printable(name)}: ${fault}`)
    const found = process.env[name]
    if (found === undefined && !canAsk(context))
      throw new UsageError(
        `--secret ${name}: there is no variable of this name here, and no terminal to ask on.`,
      )
    values[name] = found ?? (await readSecret(context, `Value of ${name} (not shown): `))
  }
  Object.assign(values, await askWanted(context, engine, input, values))
  if (Object.keys(values).length === 0) return {}
  const { id } = await engine.call('variables.give', { values }, context.signal)
  return { givenVariables: id }
}

/** An empty answer leaves one out. */
async function askWanted(
  context: CommandContext,
  engine: Engine,
  input: CreateInput,
  known: Readonly<Record<string, string>>,
): Promise<Record<string, string>> {
  if (!canAsk(context) || context.json || context.quiet || input.source.kind === 'image') return {}
  // What cannot be read the creation itself says.
  const preview = await engine.call('workspaces.preview', input, context.signal).catch(() => undefined)
  const wanted = preview?.definition.secrets.filter(({ name }) => known[name] === undefined) ?? []
  const asked: Record<string, string> = {}
  if (wanted.length === 0) return asked
  const scopes = [{ kind: 'user' }, { kind: 'project', source: input.source }] as const
  const lists = await Promise.all(
    scopes.map((scope) => engine.call('variables.list', { scope }, context.signal)),
  )
  const there = new Set(lists.flat().map(({ name }) => name))
  for (const { name, description, documentationUrl } of wanted) {
    if (there.has(name)) continue
    const about = [description, documentationUrl].filter((text) => text !== undefined).join(' ')
    context.say(`The definition asks for the secret ${name}${about ? `: ${printable(about)}` : '.'}`)
    const value = await readSecret(context, `Value of ${name} (not shown; empty: leave it out): `)
    if (value !== '') asked[name] = value
  }
  return asked
}
