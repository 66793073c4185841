import { isUtf8 } from 'node:buffer'
import { ProblemError, problem, type RenderedTemplate, type Template, type TemplateValues } from '#contract'
import { closest, type DefinitionContext, givenPath, readDefinition } from '../definitions/index'
import { belongsToTemplate, renderText, templateValues } from '../definitions/template/template'
import type { Platform } from '../platform/platform'
import { entriesReader, type TemplateEntry, type TemplateFiles } from './tree'

/** Bytes of a file that is shown as text, and of all of them together. */
const longestText = 128 * 1024
const longestTexts = 1024 * 1024

/** What a template becomes. */
export interface Rendering {
  readonly entries: readonly TemplateEntry[]
  readonly leftOut: TemplateFiles['leftOut']
}

/**
 * Fills a template's options into its files. What describes the template does not belong to them, as the specification
 * has it (containers.dev, "Dev Container Templates distribution"). Rejects with `invalid-input` for wrong options.
 */
export function renderFiles(
  template: Template,
  { entries, leftOut }: TemplateFiles,
  chosen: TemplateValues,
  omit: readonly string[],
): Rendering {
  checkOptions(template, chosen)
  const values = templateValues(template, chosen)
  const omitted = omittedBy(template, omit)
  const taken = entries.filter(({ path }) => belongsToTemplate(path) && !omitted(path))
  return {
    entries: taken.map((entry) => ({ ...entry, bytes: fillIn(entry.bytes, values) })),
    leftOut: leftOut.filter(({ path }) => belongsToTemplate(path) && !omitted(path)),
  }
}

function fillIn(bytes: Uint8Array, values: ReadonlyMap<string, string>): Uint8Array {
  if (!isUtf8(bytes)) return bytes
  const text = Buffer.from(bytes).toString('utf8')
  const filled = renderText(text, values)
  return filled === text ? bytes : Buffer.from(filled)
}

function checkOptions({ name, options }: Template, chosen: TemplateValues): void {
  for (const [key, value] of Object.entries(chosen)) {
    const option = Object.hasOwn(options, key) ? options[key] : undefined
    if (!option) {
      const meant = closest(key, Object.keys(options))
      throw wrong(
        `${name} has no option “${key}”`,
        Object.keys(options).length === 0
          ? 'It has none at all.'
          : `It has: ${Object.keys(options).join(', ')}.`,
        meant ? `Did you mean “${meant}”?` : 'Leave it out.',
      )
    }
    if (option.type === 'boolean' && typeof value !== 'boolean')
      throw wrong(`The option “${key}” is a switch`, `“${value}” is neither true nor false.`, 'Give one.')
    if (option.type === 'string' && typeof value !== 'string')
      throw wrong(`The option “${key}” is a text`, `${value} is none.`, 'Give a text.')
    if (option.type === 'string' && !option.free && !option.values.includes(String(value)))
      throw wrong(
        `The option “${key}” cannot be “${value}”`,
        'It is none of the values that the template allows.',
        `Choose one of: ${option.values.join(', ')}.`,
      )
  }
}

function omittedBy({ name, optionalPaths }: Template, omit: readonly string[]): (path: string) => boolean {
  for (const path of omit) {
    if (!optionalPaths.includes(path))
      throw wrong(
        `${name} cannot do without ${path}`,
        'It is none of its optional paths.',
        optionalPaths.length > 0 ? `These are: ${optionalPaths.join(', ')}.` : 'Leave nothing out.',
      )
  }
  return (path) => omit.some((one) => (one.endsWith('/*') ? path.startsWith(one.slice(0, -1)) : path === one))
}

function wrong(title: string, cause: string, remedy: string) {
  return problem({ code: 'invalid-input', title, cause, remedy })
}

/** A rendering as it is shown before it is used. Rejects with `definition-…` where it is no definition that Berth reads. */
export async function preview(
  platform: Platform,
  { id }: Template,
  { entries, leftOut }: Rendering,
): Promise<RenderedTemplate> {
  const context: DefinitionContext = {
    workspaceId: 'a'.repeat(10),
    sourceName: 'project',
    localFolder: '/project',
    defaultImage: platform.settings.get().defaultImage,
    env: platform.env,
    bindMounts: true,
  }
  const { definition } = await readDefinition(entriesReader(entries), context)
  const { path } = definition
  const file = entries.find((entry) => entry.path === path)
  if (definition.format !== 'devcontainer' || path === undefined || !file) {
    throw problem({
      code: 'definition-invalid',
      title: `The template ${id} has no definition`,
      cause: `It has no ${givenPath}.`,
      remedy: 'Tell whoever maintains it.',
    })
  }
  const text = Buffer.from(file.bytes).toString('utf8')
  const needsFiles = await needs(text, context)
  let shown = 0
  return {
    files: entries.map((entry) => {
      const size = entry.bytes.length
      const isShown = size <= longestText && shown + size <= longestTexts && isUtf8(entry.bytes)
      if (isShown) shown += size
      return {
        path: entry.path,
        size,
        ...(isShown && { text: Buffer.from(entry.bytes).toString('utf8') }),
      }
    }),
    leftOut: [...leftOut],
    definition: { path, text },
    ...(needsFiles !== undefined && { needsFiles }),
    notApplied: definition.notApplied,
  }
}

/** Why a definition is nothing by itself; undefined: it needs no other file to be read. */
async function needs(text: string, context: DefinitionContext): Promise<string | undefined> {
  try {
    const { definition } = await readDefinition(entriesReader([]), context, undefined, { text })
    const local = definition.features.find(({ reference }) => reference.startsWith('./'))
    return local && `Its Feature ${local.reference} is a folder of the template.`
  } catch (error) {
    if (!(error instanceof ProblemError)) throw error
    return 'It names other files of the template.'
  }
}
