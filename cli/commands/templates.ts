import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import {
  bundledTemplates,
  matchesTemplate,
  type Problem,
  ProblemError,
  problem,
  repositoryKey,
  type Template,
  type TemplateReference,
  type TemplateRepository,
  type TemplateSource,
  type TemplateValues,
} from '#contract'
import type { Engine } from '../../main/engine/engine'
import { commandName } from '../command-name'
import type { NewRepositoryDocument, TemplatesDocument } from '../documents'
import type { CommandContext } from '../execute'
import { UsageError } from '../exit-codes'
import { printable, table } from '../text'
import { readSourceText } from './init'

export interface TemplatesOptions {
  /** A repository that is not among the settings. */
  readonly from?: string
  readonly refresh?: boolean
}

/** `berth templates`: all templates, or those that the words mean. */
export async function templates(
  context: CommandContext,
  words: readonly string[],
  options: TemplatesOptions,
): Promise<undefined> {
  const engine = await context.engine()
  const sources = await sourcesOf(context, engine, options)
  const text = words.join(' ')
  const found = sources.map((source) => ({
    ...source,
    templates: source.templates.filter((template) => matchesTemplate(template, source.name, text)),
  }))
  if (context.json) {
    context.document({ sources: found.map(documentOf) } satisfies TemplatesDocument)
    return
  }
  const rows = found.flatMap(({ name, templates: list }) =>
    list.map((template) => [template.id, template.name, name, template.description]),
  )
  if (rows.length > 0) context.print(table(['TEMPLATE', 'NAME', 'FROM', 'DESCRIPTION'], rows))
  else context.say(text === '' ? 'There are no templates.' : `No template has to do with “${text}”.`)
  for (const source of found) tellTrouble(context, source)
}

function documentOf(source: TemplateSource): TemplatesDocument['sources'][number] {
  const { commit, fetchedAt, problem: trouble, ...rest } = source
  return {
    ...rest,
    commit: commit ?? null,
    fetchedAt: fetchedAt === undefined ? null : new Date(fetchedAt).toISOString(),
    problem: trouble ?? null,
  }
}

function tellTrouble(context: CommandContext, { name, faulty, problem: trouble }: TemplateSource): void {
  const tell = (what: string, { title, cause }: Problem) =>
    context.say(`${printable(what)}: ${printable(title)}. ${printable(cause)}`)
  if (trouble) tell(name, trouble)
  for (const one of faulty) tell(`${name}, ${one.id}`, one.problem)
}

/** All sources; those that were never fetched are fetched now. */
async function sourcesOf(
  context: CommandContext,
  engine: Engine,
  { from, refresh = false }: TemplatesOptions,
): Promise<readonly TemplateSource[]> {
  const besides = from === undefined ? undefined : await repositoryOf(context, engine, from)
  const { sources } = await engine.call(
    'templates.list',
    besides ? { repository: besides } : {},
    context.signal,
  )
  const configured = engine.collections.settings.get('settings')?.value.templates.repositories ?? []
  const repositories = new Map(
    [...configured, ...(besides ? [besides] : [])].map((one) => [repositoryKey(one), one]),
  )
  const wanted = besides ? sources.filter(({ key }) => key === repositoryKey(besides)) : sources
  return Promise.all(
    wanted.map((source) => {
      const repository = repositories.get(source.key)
      if (!repository || (source.commit !== undefined && !refresh)) return source
      context.say(`Fetching ${printable(source.name)}`)
      return engine.call('templates.refresh', { repository }, context.signal)
    }),
  )
}

/** A repository as it is typed: a URL with `#branch`, or a folder of this machine. */
async function repositoryOf(
  context: CommandContext,
  engine: Engine,
  text: string,
): Promise<TemplateRepository> {
  const source = await readSourceText(context, engine, text)
  if (source.kind === 'folder') return { url: pathToFileURL(source.path).href }
  if (source.kind !== 'git' || source.ref?.kind === 'commit')
    throw new UsageError('--from: give the URL of a git repository, with #branch if you like, or its folder.')
  return { url: source.url, ...(source.ref ? { branch: source.ref.name } : {}) }
}

export interface NewOptions {
  readonly from?: string
  /** `key=value` each. */
  readonly option?: readonly string[]
  /** Of the template's optional paths. */
  readonly omit?: readonly string[]
}

/** `berth new`: a repository of this machine, made of a template. */
export async function newRepository(
  context: CommandContext,
  name: string,
  folder: string | undefined,
  options: NewOptions,
): Promise<undefined> {
  const engine = await context.engine()
  const { template, reference } = await findTemplate(context, engine, name, options.from)
  const made = await engine.call(
    'templates.newRepository',
    {
      template: reference,
      options: valuesOf(template, options.option ?? []),
      omit: [...(options.omit ?? [])],
      folder: resolve(folder ?? template.id),
    },
    context.signal,
  )
  if (context.json) {
    const { commit, uncommitted, ...rest } = made
    context.document({
      ...rest,
      commit: commit ?? null,
      uncommitted: uncommitted ?? null,
    } satisfies NewRepositoryDocument)
    return
  }
  for (const { path, reason } of made.leftOut) context.say(`Left out: ${printable(path)} (${reason})`)
  context.print(made.folder)
  if (made.uncommitted !== undefined) context.say(made.uncommitted)
  context.say(
    `${template.name} is ready: make a workspace of it with \`${commandName()} up ${made.folder}\`.`,
  )
}

/** What `berth up` is told of a template. */
export interface TemplateUse extends Pick<NewOptions, 'from' | 'option'> {
  readonly template?: string
  readonly detect?: boolean
  readonly definition?: string
}

/** The text of a template's definition, to be used in place of what a source has; undefined where none is named. */
export async function usedTemplate(
  context: CommandContext,
  engine: Engine,
  { template: name, from, option = [], detect, definition: path }: TemplateUse,
): Promise<string | undefined> {
  if (name === undefined) {
    if (option.length > 0 || from !== undefined)
      throw new UsageError('--option and --from go with --template.')
    return undefined
  }
  if (detect || path !== undefined) throw new UsageError('--template excludes --detect and --definition.')
  const { template, reference } = await findTemplate(context, engine, name, from)
  const input = { template: reference, options: valuesOf(template, option) }
  const { definition, needsFiles } = await engine.call('templates.render', input, context.signal)
  if (needsFiles === undefined) return definition.text
  throw problem({
    code: 'definition-unsupported',
    title: `${template.name} cannot be used for another source`,
    cause: needsFiles,
    remedy: `Make a repository of it: \`${commandName()} new ${name}\`.`,
  })
}

async function findTemplate(
  context: CommandContext,
  engine: Engine,
  name: string,
  from: string | undefined,
): Promise<{ readonly template: Template; readonly reference: TemplateReference }> {
  const sources = await sourcesOf(context, engine, from === undefined ? {} : { from })
  const found = sources.flatMap(({ key, name: source, templates: list }) =>
    list
      .filter(({ id }) => id === name)
      .map((template) => ({ template, source, reference: { repository: key, id: template.id } })),
  )
  const [first, second] = found
  if (first && !second) return first
  const own = found.find(({ reference }) => reference.repository === bundledTemplates)
  // Of two it is Berth's own: what a repository gets later changes nothing of what worked.
  if (own) return own
  if (first)
    throw new UsageError(
      `${name} is in ${found.map(({ source }) => source).join(' and ')}: say which with --from.`,
    )
  const faulty = sources.flatMap((source) => source.faulty).find(({ id }) => id === name)
  if (faulty) throw new ProblemError(faulty.problem)
  const trouble = sources.find((source) => source.problem)?.problem
  if (from !== undefined && trouble) throw new ProblemError(trouble)
  throw problem({
    code: 'not-found',
    title: `There is no template ${name}`,
    cause: `There are: ${sources.flatMap(({ templates: list }) => list.map(({ id }) => id)).join(', ')}.`,
    remedy: `See \`${commandName()} templates\`; --from names a git repository of others.`,
  })
}

/** What was typed, as the template's options want it. What it does not know is refused by the engine, by name. */
function valuesOf({ options }: Template, typed: readonly string[]): TemplateValues {
  const values: TemplateValues = {}
  for (const text of typed) {
    const [, key, value = ''] = /^([^=]+)=([\s\S]*)$/.exec(text) ?? []
    if (key === undefined) throw new UsageError(`--option: write key=value, and not “${text}”.`)
    const isSwitch = Object.hasOwn(options, key) && options[key]?.type === 'boolean'
    values[key] = isSwitch && (value === 'true' || value === 'false') ? value === 'true' : value
  }
  return values
}
