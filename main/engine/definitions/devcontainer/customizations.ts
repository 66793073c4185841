import type { Customizations } from '#contract'
import { shorten, type Value } from '../document/value'
import { readExtension } from '../extension'
import { isAbsent } from './fields'

type VisualStudioCode = NonNullable<Customizations['vscode']>

/** `customizations`: those for programs that Berth opens. `own`: has Berth's own, which are read elsewhere. */
export function readCustomizations(value: Value, own = false): Customizations {
  const customizations: Customizations = {}
  for (const [name, field] of value.fields()) {
    if (field.type === 'null' || (own && name === 'berth')) continue
    if (name === 'vscode') {
      const read = readVisualStudioCode(field)
      if (read) customizations.vscode = read
    } else if (name === 'jetbrains') {
      const plugins = readJetBrains(field)
      if (plugins.length > 0) customizations.jetbrains = { plugins }
    } else field.ignore('these are settings for a program that Berth does not open')
  }
  return customizations
}

/**
 * What a devcontainer.json says to editors: `customizations`, and what was written beside it before there was that
 * (`extensions`, `settings`), which says less. Throws `definition-invalid`.
 */
export function readEditorFields(fields: ReadonlyMap<string, Value>): Customizations | undefined {
  const given = (name: string) => {
    const value = fields.get(name)
    return value === undefined || isAbsent(name, value) ? undefined : value
  }
  const legacy: VisualStudioCode = {
    extensions: readExtensions(given('extensions')),
    settings: readSettings(given('settings')),
  }
  const value = given('customizations')
  const read = value ? readCustomizations(value, true) : {}
  const vscode: VisualStudioCode = {
    extensions: [...new Set([...legacy.extensions, ...(read.vscode?.extensions ?? [])])],
    settings: { ...legacy.settings, ...read.vscode?.settings },
  }
  const customizations = { ...read, ...(isEmpty(vscode) ? {} : { vscode }) }
  return Object.keys(customizations).length > 0 ? customizations : undefined
}

function isEmpty({ extensions, settings }: VisualStudioCode): boolean {
  return extensions.length === 0 && Object.keys(settings).length === 0
}

function readVisualStudioCode(value: Value): VisualStudioCode | undefined {
  const read: VisualStudioCode = { extensions: [], settings: {} }
  // An empty list is what some programs write for an object with nothing in it.
  if (value.type === 'array' && value.items().length === 0) return undefined
  for (const [name, field] of value.fields()) {
    if (field.type === 'null') continue
    if (name === 'extensions') read.extensions = readExtensions(field)
    else if (name === 'settings') read.settings = readSettings(field)
    else field.ignore('it is neither extensions nor settings')
  }
  return isEmpty(read) ? undefined : read
}

function readExtensions(value: Value | undefined): string[] {
  const single = value?.type === 'string' ? [value] : undefined
  const items = single ?? value?.items('Write, for example, ["dbaeumer.vscode-eslint"].') ?? []
  return [...new Set(items.flatMap((item) => readExtension(item, true) ?? []))]
}

function readSettings(value: Value | undefined): VisualStudioCode['settings'] {
  if (!value) return {}
  value.fields('Write, for example, { "editor.tabSize": 2 }.')
  return Object.fromEntries(Object.entries(value.plain() as VisualStudioCode['settings']))
}

function readJetBrains(value: Value): string[] {
  const plugins = new Set<string>()
  for (const [name, field] of value.fields()) {
    if (field.type === 'null') continue
    if (name === 'plugins') {
      for (const item of field.items()) {
        const id = shorten(item.text().trim(), 200)
        if (id !== '') plugins.add(id)
      }
    } else if (name === 'backend')
      field.ignore('which JetBrains IDE runs in the workspace is chosen in JetBrains Gateway')
    else field.ignore('settings of a JetBrains IDE are set in the IDE itself')
  }
  return [...plugins]
}
