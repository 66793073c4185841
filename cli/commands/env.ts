import { statSync } from 'node:fs'
import { resolve } from 'node:path'
import { type VariableScope, variableNameFault } from '#contract'
import type { Engine } from '../../main/engine/engine'
import type { VariablesDocument } from '../documents'
import type { CommandContext } from '../execute'
import { UsageError } from '../exit-codes'
import { readSecret } from '../hidden'
import { findWorkspace } from '../select'
import { printable, table } from '../text'
import { sourceText, workspaceLabel } from '../workspace-document'

/** For which workspaces: those of the user unless one of the others is given. */
export interface ScopeOptions {
  readonly user?: boolean
  readonly project?: string
  readonly workspace?: string
}

interface Chosen {
  readonly scope: VariableScope
  /** For people. */
  readonly words: string
}

async function chooseScope(
  context: CommandContext,
  engine: Engine,
  { user, project, workspace }: ScopeOptions,
): Promise<Chosen> {
  if ([user, project, workspace].filter((each) => each !== undefined).length > 1)
    throw new UsageError('--user, --project and --workspace exclude each other.')
  if (workspace !== undefined) {
    const found = await findWorkspace(engine, workspace, context.signal)
    const scope = { kind: 'workspace', workspaceId: found.id } as const
    return { scope, words: workspaceLabel(engine, found) }
  }
  if (project !== undefined) {
    const isFolder = statSync(project, { throwIfNoEntry: false })?.isDirectory()
    const text = isFolder ? resolve(project) : project
    const { source } = await engine.call('sources.parse', { text }, context.signal)
    return { scope: { kind: 'project', source }, words: `workspaces of ${sourceText(source)}` }
  }
  return { scope: { kind: 'user' }, words: 'all of your workspaces' }
}

/** `berth env list`: without a scope what is for all of the user's workspaces. */
export async function listVariables(context: CommandContext, options: ScopeOptions): Promise<undefined> {
  const engine = await context.engine()
  const { scope, words } = await chooseScope(context, engine, options)
  const variables = await engine.call('variables.list', { scope }, context.signal)
  if (context.json) {
    const list = variables.map(({ name, secret, value }) => ({ name, secret, value: value ?? null }))
    context.document({ variables: list } satisfies VariablesDocument)
    return
  }
  if (variables.length === 0) context.say(`Nothing is set for ${words}.`)
  else
    context.print(
      table(
        ['NAME', 'VALUE'],
        variables.map(({ name, value }) => [name, value === undefined ? '(secret)' : printable(value)]),
      ),
    )
}

/** `berth env set NAME[=value]`: a secret's value comes from stdin or a hidden prompt, and from nowhere else. */
export async function setVariable(
  context: CommandContext,
  text: string,
  options: ScopeOptions & { readonly secret?: boolean },
): Promise<undefined> {
  const at = text.indexOf('=')
  const name = at < 0 ? text : text.slice(0, at)
  const fault = variableNameFault(name)
  if (fault !== undefined) throw new UsageError(fault)
  if (options.secret && at >= 0)
    throw new UsageError(
      'A secret is no argument: others see those. Leave “=…” out, and give it on stdin or when asked.',
    )
  const engine = await context.engine()
  const { scope, words } = await chooseScope(context, engine, options)
  const value = at < 0 ? await readSecret(context, `Value of ${name} (not shown): `) : text.slice(at + 1)
  const secret = options.secret === true
  const applied = await engine.call('variables.set', { scope, name, value, secret }, context.signal)
  context.say(`${name} is set for ${words}.`)
  tell(context, applied)
}

/** `berth env unset NAME`. */
export async function unsetVariable(
  context: CommandContext,
  name: string,
  options: ScopeOptions,
): Promise<undefined> {
  const engine = await context.engine()
  const { scope, words } = await chooseScope(context, engine, options)
  const applied = await engine.call('variables.remove', { scope, name }, context.signal)
  context.say(`${name} is not set for ${words} any more.`)
  tell(context, applied)
}

function tell(
  context: CommandContext,
  {
    workspaces,
    problems,
  }: {
    readonly workspaces: readonly string[]
    readonly problems: readonly { title: string; cause: string }[]
  },
): void {
  if (workspaces.length > 0)
    context.say(`New terminals of ${workspaces.join(', ')} have it; programs that run keep what they have.`)
  for (const { title, cause } of problems) context.say(printable(`${title}. ${cause}`))
}
