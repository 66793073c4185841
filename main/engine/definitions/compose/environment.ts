import { fieldLayers, flag, itemsOf, type Layer, lastLayer } from './layer'
import type { ProjectReader } from './project'
import { noteMissing } from './unset'
import { fromEnvironment } from './variables'

const example = 'Write, for example, "environment: {LANG: C.UTF-8}".'
const maximumNames = 1000

/**
 * `environment` on top of `env_file`. Values of this machine's own variables stay as written, since they may be
 * secrets.
 */
export async function readEnvironment(
  layers: readonly Layer[],
  project: ProjectReader,
): Promise<Record<string, string>> {
  const variables = new Map<string, string>()
  for (const entry of itemsOf(fieldLayers(layers, 'env_file'))) {
    for (const [name, text] of await readEnvFileOf(entry, project)) variables.set(name, text)
  }
  for (const [name, layer] of assignmentsOf(fieldLayers(layers, 'environment'), example)) {
    variables.set(name, layer)
  }
  if (variables.size > maximumNames) {
    const section = lastLayer(layers, 'environment') ?? lastLayer(layers, 'env_file')
    throw section?.value.mustBe(`at most ${maximumNames} variables`)
  }
  return Object.fromEntries(variables)
}

async function readEnvFileOf(entry: Layer, project: ProjectReader): Promise<[string, string][]> {
  const simple = entry.value.type !== 'object'
  const path = simple ? entry : lastLayer([entry], 'path')
  if (!path) throw entry.value.mustBe('an object with "path"', 'Write, for example, "env_file: .env".')
  const required = simple ? undefined : lastLayer([entry], 'required')
  const format = simple ? undefined : lastLayer([entry], 'format')
  const raw = format !== undefined && format.value.choice(['raw']) === 'raw'
  const variables = await project.envFile(path, raw)
  if (variables) return [...variables].map(([name, text]) => [name, text.guarded])
  if (!required || flag(required)) noteMissing(path, project.path(path))
  return []
}

/**
 * `NAME=value` lists and maps of all layers together, by name. A name without a value is that of a variable of this
 * machine, or of the `.env` file.
 */
export function assignmentsOf(layers: readonly Layer[], help: string): Map<string, string> {
  const variables = new Map<string, string>()
  const set = (layer: Layer, name: string, text: string | undefined) => {
    if (name === '' || /[=\0\n]/.test(name)) {
      throw layer.value.mustBe('under a name without "=" or line breaks', help)
    }
    const value = text ?? layer.file.lookup(name)?.guarded ?? fromEnvironment(name)
    // No JavaScript object carries it safely from process to process.
    if (name === '__proto__' || (text === undefined && /[:}$]/.test(name))) {
      layer.value.ignore('this name cannot be used')
    } else variables.set(name, value)
  }
  for (const layer of layers) {
    if (layer.value.type === 'array') {
      for (const item of layer.value.items(help)) {
        const text = item.guardedText(help)
        const at = text.indexOf('=')
        set(layer.within(item), at < 0 ? text : text.slice(0, at), at < 0 ? undefined : text.slice(at + 1))
      }
    } else {
      for (const [name, value] of layer.fields(help)) {
        set(layer.within(value), name, value.type === 'null' ? undefined : value.scalar())
      }
    }
  }
  return variables
}
