import { isUtf8 } from 'node:buffer'
import { posix } from 'node:path'
import { problem, type Template, type TemplateOption } from '#contract'
import { maximumBytes, Reading } from '../document/document'
import { jsonDocument } from '../document/json'
import { shownText } from '../document/shown-text'
import { type DefinitionFile, noteUnread, Value } from '../document/value'
import type { RepositoryReader } from '../reader'
import { createSubstitution } from '../variables'

/** What describes a template, in its folder. */
export const templateFile = 'devcontainer-template.json'

const silent = ['publisher', 'licenseURL', 'files', 'fileCount', 'featureIds', 'type', '$schema']

/**
 * Reads the template whose folder is the reader's root; undefined where there is none. `shown` is how messages call its
 * file. Rejects with `definition-invalid`.
 */
export async function readTemplate(
  reader: RepositoryReader,
  shown = templateFile,
): Promise<Template | undefined> {
  const bytes = await reader.read(templateFile, maximumBytes)
  if (!bytes) return undefined
  const file: DefinitionFile = {
    document: jsonDocument(shown, bytes),
    substitution: createSubstitution({
      workspaceId: '',
      sourceName: '',
      defaultImage: '',
      env: {},
      bindMounts: false,
    }),
    reading: new Reading(),
    notApplied: [],
  }
  const fields = new Value('', file.document.root, file).fields()
  const text = (name: string) => plainText(fields.get(name)) ?? ''
  const list = (name: string) =>
    fields
      .get(name)
      ?.items()
      .map((item) => plainText(item) ?? '') ?? []
  for (const name of silent) fields.get(name)?.skip()
  const documentationUrl = text('documentationURL')
  const options = fields.get('options')?.fields() ?? new Map<string, Value>()
  const template: Template = {
    id: text('id'),
    name: shownText(text('name') || text('id')),
    description: shownText(text('description')),
    version: text('version'),
    ...(/^https?:\/\//.test(documentationUrl) && { documentationUrl }),
    keywords: [...list('keywords'), ...list('platforms')],
    options: Object.fromEntries([...options].map(([name, value]) => [name, readOption(value)])),
    optionalPaths: list('optionalPaths'),
  }
  noteUnread(file)
  return template
}

/** Variables of a template stay as they are written: they are nobody's yet. */
function plainText(value: Value | undefined): string | undefined {
  if (!value || value.type === 'null') return undefined
  if (value.type !== 'string') throw value.mustBe('a string')
  return value.raw()
}

function readOption(value: Value): TemplateOption {
  const fields = value.fields('Write, for example, {"type": "string", "default": "a", "enum": ["a", "b"]}.')
  const description = plainText(fields.get('description')) ?? ''
  const type = fields.get('type')?.choice(['string', 'boolean']) ?? 'string'
  const given = fields.get('default')
  if (type === 'boolean') {
    // Written as a text by some.
    if (given?.type === 'string') return { type, description, default: given.raw() === 'true' }
    return { type, description, default: given?.boolean() ?? false }
  }
  const listed = fields.get('enum')
  const proposals = fields.get('proposals')
  const values = (listed ?? proposals)?.items().map((item) => plainText(item) ?? '') ?? []
  if (given && listed && !values.includes(plainText(given) ?? ''))
    throw given.mustBe(`one of its enum: ${values.join(', ')}`)
  return {
    type,
    description,
    default: plainText(given) ?? values[0] ?? '',
    values,
    free: listed === undefined,
  }
}

/** The values of a template's options: as chosen, else their defaults. Rejects what an option does not allow. */
export function templateValues(
  { options }: Template,
  chosen: Readonly<Record<string, string | boolean>>,
): ReadonlyMap<string, string> {
  const values = new Map<string, string>()
  for (const [name, option] of Object.entries(options)) {
    const value = Object.hasOwn(chosen, name) ? chosen[name] : undefined
    const isAllowed =
      option.type === 'boolean'
        ? typeof value === 'boolean'
        : typeof value === 'string' && (option.free || option.values.includes(value))
    values.set(name, String(value !== undefined && isAllowed ? value : option.default))
  }
  return values
}

/** Bounded, so that a text of beginnings without an end takes no longer than any other. */
const placeholder = /\$\{templateOption:\s{0,20}([^}\s]{1,200})\s{0,20}\}/g

/** Characters that options may add to one text: a long value in many places is an attack. */
const mostAdded = 4 * 1024 * 1024

/** A text with its options filled in; what names none stays as it is. Throws `definition-invalid`. */
export function renderText(text: string, values: ReadonlyMap<string, string>): string {
  let added = 0
  return text.replace(placeholder, (whole, name: string) => {
    const value = values.get(name) ?? whole
    added += value.length - whole.length
    if (added > mostAdded)
      throw problem({
        code: 'definition-invalid',
        title: 'The template comes to too much',
        cause: `With its options filled in, a file grows by more than ${mostAdded} characters.`,
        remedy: 'Give shorter values, or tell whoever maintains the template.',
      })
    return value
  })
}

/** A template's files as they become with these values. Bytes that are no text stay as they are. */
export function renderedReader(
  reader: RepositoryReader,
  values: ReadonlyMap<string, string>,
): RepositoryReader {
  return {
    ...reader,
    async read(path, limit) {
      const bytes = await reader.read(path, limit)
      if (!bytes || !isUtf8(bytes)) return bytes
      return new TextEncoder().encode(renderText(new TextDecoder().decode(bytes), values))
    },
  }
}

/** Whether a path is of what a template is about, and not of its description. */
export function belongsToTemplate(path: string): boolean {
  const first = posix.normalize(path).split('/')[0] ?? ''
  return ![templateFile, 'README.md', 'NOTES.md'].includes(first)
}
