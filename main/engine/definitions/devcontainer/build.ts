import { posix } from 'node:path'
import type { ImageBuild } from '#contract'
import { applyBuildOptions, type BuildExtras } from '../build-options'
import type { Value } from '../document/value'
import { insideSource } from '../paths'
import type { RepositoryReader } from '../reader'
import { closest } from '../suggest'

const buildNames = ['dockerfile', 'context', 'args', 'target', 'cacheFrom', 'options']

/**
 * `build`, and the older `dockerFile` and `context` beside it. Undefined when none of them names a Dockerfile.
 * `path` is that of the devcontainer.json, to which the paths in it are relative.
 */
export async function readBuild(
  fields: ReadonlyMap<string, Value>,
  path: string,
  reader: RepositoryReader,
): Promise<ImageBuild | undefined> {
  const present = (value: Value | undefined) => (value?.type === 'null' ? undefined : value)
  const section = present(fields.get('build'))
  const build = section?.fields('Write, for example, "build": {"dockerfile": "Dockerfile"}.')
  const file = present(build?.get('dockerfile')) ?? present(fields.get('dockerFile'))
  if (!file) {
    if (!section) return undefined
    const image = present(fields.get('image'))
    if (image) section.ignore('it names no "dockerfile", and the image is taken')
    else throw lacksDockerfile(section, [...(build?.keys() ?? [])])
    return undefined
  }
  const folder = posix.dirname(path)
  const locate = async (value: Value): Promise<string> => {
    const text = value.text()
    const found = insideSource(folder, value.raw(), text)
    if (found === undefined) {
      throw value.mustBe('a path inside the repository', 'Paths are relative to the folder of this file.')
    }
    if (!(await reader.exists(found))) {
      throw value.mustBe(
        `a path that exists (there is no ${found})`,
        'Paths are relative to the folder of this file.',
      )
    }
    return found
  }
  const dockerfile = await locate(file)
  const said = present(build?.get('context')) ?? present(fields.get('context'))
  const context = said?.type === 'string' && said.raw() === '' ? undefined : said
  const result: ImageBuild & BuildExtras = {
    dockerfile,
    context: context ? await locate(context) : folder,
    args: {},
  }
  let options: readonly Value[] = []
  for (const [name, field] of build ?? []) {
    if (field.type === 'null' || name === 'dockerfile' || name === 'context') continue
    switch (name) {
      case 'args':
        result.args = readArguments(field)
        break
      case 'target':
        // The last stage, which is also meant where nothing is said.
        if (field.text() !== '') result.target = field.text()
        break
      case 'cacheFrom':
        result.cacheFrom = field.type === 'array' ? field.items().map((item) => item.text()) : [field.text()]
        if (result.cacheFrom.length === 0) delete result.cacheFrom
        break
      case 'options':
        options = field.items('Write, for example, "options": ["--network=none"].')
        break
      default: {
        const meant = closest(name, buildNames)
        field.ignore(`unknown field${meant ? `; did you mean "${meant}"?` : ''}`)
      }
    }
  }
  applyBuildOptions(
    options.map((item, index) => ({
      // A path below the source's root is told from any other by how it is written.
      text: withinSource(item.raw(), options[index - 1]?.raw()) ?? item.guardedText(),
      ignore: (reason) => item.ignore(reason),
    })),
    result,
  )
  return result
}

function lacksDockerfile(section: Value, names: readonly string[]): Error {
  const meant = names.find((name) => name.toLowerCase() === 'dockerfile')
  return section.wrong(
    '"build" does not say which Dockerfile.',
    meant
      ? `Write "dockerfile" instead of "${meant}".`
      : 'Write, for example, "build": {"dockerfile": "Dockerfile"}; the path is relative to this file.',
  )
}

function readArguments(section: Value): Record<string, string> {
  const read: [string, string][] = []
  for (const [name, value] of section.fields()) {
    if (value.type === 'null') value.ignore('it has no value: that of the Dockerfile holds')
    else read.push([name, value.scalar()])
  }
  return Object.fromEntries(read)
}

/** A secret's file or a context below the source's folder, relative to that; undefined where the text names none. */
function withinSource(text: string, before: string | undefined): string | undefined {
  const folder = '$' + '{localWorkspaceFolder}'
  const value = before?.trim() === '--build-context' ? text : /^--build-context=(.*)/s.exec(text.trim())?.[1]
  const [name, path] = value?.split(`=${folder}`, 2) ?? []
  if (value !== undefined && path !== undefined && /^(?:$|\/)/.test(path))
    return text.replace(value, () => `${name}=.${path}`)
  if (!text.includes(`src=${folder}/`) && !text.includes(`source=${folder}/`)) return undefined
  return text.replaceAll(`=${folder}/`, '=./')
}
