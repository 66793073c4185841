import type { Customizations } from '#contract'
import { shorten, type Value } from '../document/value'
import { readExtension } from '../extension'
import { ignoreUnknown, list, section } from './fields'

const products = [
  'intellij',
  'goland',
  'pycharm',
  'phpstorm',
  'rubymine',
  'webstorm',
  'rider',
  'clion',
  'rustrover',
]

/** `vscode` and `jetbrains`; undefined where they name nothing. */
export function readEditors(fields: ReadonlyMap<string, Value>): Customizations | undefined {
  const extensions = readExtensions(fields.get('vscode'))
  const plugins = readPlugins(fields.get('jetbrains'))
  if (extensions.length === 0 && plugins.length === 0) return undefined
  return {
    ...(extensions.length > 0 ? { vscode: { extensions, settings: {} } } : {}),
    ...(plugins.length > 0 ? { jetbrains: { plugins } } : {}),
  }
}

function readExtensions(value: Value | undefined): string[] {
  const extensions = new Set<string>()
  for (const [name, field] of section(value)) {
    if (name !== 'extensions') {
      ignoreUnknown(field, shorten(name), ['extensions'])
      continue
    }
    for (const item of list(field, 'Write, for example, "- dbaeumer.vscode-eslint".')) {
      const id = readExtension(item)
      if (id !== undefined) extensions.add(id)
    }
  }
  return [...extensions]
}

function readPlugins(value: Value | undefined): string[] {
  const plugins = new Set<string>()
  const add = (field: Value) => {
    for (const item of list(field, 'Write, for example, "- org.rust.lang".')) {
      const id = item.text().trim()
      if (id !== '') plugins.add(id)
    }
  }
  for (const [name, field] of section(value)) {
    if (name === 'plugins') add(field)
    else if (products.includes(name)) {
      for (const [inner, setting] of section(field)) {
        if (inner === 'plugins') add(setting)
        else if (inner === 'vmoptions') setting.ignore('options of a JetBrains IDE are set in the IDE itself')
        else if (inner === 'prebuilds') setting.ignore('no IDE is warmed up ahead')
        else ignoreUnknown(setting, shorten(inner), ['plugins', 'prebuilds', 'vmoptions'])
      }
    } else ignoreUnknown(field, shorten(name), ['plugins', ...products])
  }
  return [...plugins]
}
