import { posix } from 'node:path'
import type { NotApplied } from '#contract'
import type { Document } from '../document/document'
import { shorten, Value } from '../document/value'
import { maximumYamlBytes, yamlDocument } from '../document/yaml'
import { insideRepository } from '../paths'
import type { DefinitionContext, RepositoryReader } from '../reader'
import { closest } from '../suggest'
import { maximumEnvBytes, readEnvFile } from './dotenv'
import { refuseUnknown } from './fields'
import type { Lookup, Text } from './interpolate'
import { type ComposeFile, fieldLayers, itemsOf, Layer, lastLayer } from './layer'
import { noteMissing } from './unset'
import { checkVariables, composeSubstitution, composeVariables } from './variables'

/** Of one definition, all files together. */
const maximumFiles = 32
/** Of one definition, whether or not they run. */
const maximumServices = 100
/** Services that extend services, one after the other. */
const maximumExtends = 16
const example = 'Write, for example, "services: {app: {image: debian:bookworm}}".'

/** What services refer to by name, beside each other. */
const besides = ['volumes', 'secrets', 'configs'] as const

/** A path of the repository, and the value that names it. */
export interface NamedPath {
  readonly path: string
  readonly named: Value
}

/** What Compose files come to together; nothing in it is read yet but names. */
export interface Project {
  /** By their written names, in the order of the files. */
  readonly services: Map<string, Layer[]>
  readonly volumes: Map<string, Layer[]>
  readonly secrets: Map<string, Layer[]>
  readonly configs: Map<string, Layer[]>
  /** The files themselves, for what stands beside the services. */
  readonly files: Layer[]
  /** Of the first file. */
  readonly lookup: Lookup
}

/** Reads the Compose files of one definition, each at most once from the repository. */
export class ProjectReader {
  readonly #reader: RepositoryReader
  readonly #context: DefinitionContext
  readonly #notApplied: NotApplied[]
  readonly #bytes = new Map<string, Uint8Array | undefined>()
  readonly #documents = new Map<string, Document>()
  #opened = 0

  constructor(reader: RepositoryReader, context: DefinitionContext, notApplied: NotApplied[]) {
    this.#reader = reader
    this.#context = context
    this.#notApplied = notApplied
  }

  /** Files that belong together, each on top of those before it. Rejects with `definition-invalid`. */
  async read(files: readonly NamedPath[]): Promise<Project> {
    const folder = posix.dirname(files[0]?.path ?? '.')
    const own = await this.#dotenv(folder)
    return this.#read(files, folder, composeVariables(this.#context, own), [])
  }

  /**
   * The variables of an env file that a value names; undefined where there is no such file. Rejects with
   * `definition-invalid`.
   */
  async envFile(layer: Layer, raw: boolean): Promise<Map<string, Text> | undefined> {
    const path = this.path(layer)
    const bytes = await this.#load(path, maximumEnvBytes, layer.value)
    return bytes && readEnvFile(path, bytes, layer.file.lookup, raw)
  }

  /** The path of the repository that a text names. Throws `definition-invalid` where it leads out of it. */
  path(layer: Layer, folder = layer.file.folder): string {
    const path = insideRepository(folder, layer.value.text())
    if (path === undefined) {
      throw layer.value.mustBe(
        'a path inside the repository',
        `Paths are relative to ${folder === '.' ? "the repository's root" : folder}.`,
      )
    }
    return path
  }

  exists(path: string): Promise<boolean> {
    return this.#reader.exists(path)
  }

  async #read(
    files: readonly NamedPath[],
    folder: string,
    lookup: Lookup,
    above: readonly string[],
  ): Promise<Project> {
    const project: Project = {
      services: new Map(),
      volumes: new Map(),
      secrets: new Map(),
      configs: new Map(),
      files: [],
      lookup,
    }
    for (const { path, named } of files) {
      if (above.includes(path)) {
        throw named.mustBe(
          'a file that does not include itself',
          `Included are, in turn: ${above.join(', ')}.`,
        )
      }
      const file = await this.#open(path, named, folder, lookup)
      const root = new Layer(new Value('', file.document.root, file), file)
      for (const include of itemsOf(fieldLayers([root], 'include'))) {
        const included = await this.#include(include, lookup, [...above, path])
        if (included) mergeInto(project, included)
      }
      const services = lastLayer([root], 'services')
      const names = [...(services?.fields(example).keys() ?? [])]
      if (services && new Set([...names, ...project.services.keys()]).size > maximumServices) {
        throw services.value.mustBe(`at most ${maximumServices} services`)
      }
      for (const name of names) {
        if (name.startsWith('x-')) continue
        if (!/^[A-Za-z0-9._-]{1,200}$/.test(name)) {
          throw services
            ?.within(services.fields().get(name) as Value)
            .invalid(
              `${JSON.stringify(shorten(name))} cannot be the name of a service.`,
              'Use letters, digits, ".", "_" and "-" only.',
            )
        }
        add(project.services, name, await this.#service(root, name, [], undefined))
      }
      for (const kind of besides) {
        for (const [name, value] of lastLayer([root], kind)?.fields() ?? []) {
          add(project[kind], name, [root.within(value)])
        }
      }
      refuseUnknown([root], ['version', 'name', 'include', 'services', 'networks', ...besides], {
        models: 'models are not run',
      })
      project.files.push(root)
    }
    return project
  }

  /** The layers of one file's service: what it extends lies below it. */
  async #service(
    root: Layer,
    name: string,
    above: readonly string[],
    from: Value | undefined,
  ): Promise<Layer[]> {
    const services = lastLayer([root], 'services')
    const value = services?.fields(example).get(name)
    if (!services || value === undefined || name.startsWith('x-')) {
      const known = [...(services?.fields().keys() ?? [])]
      const meant = closest(name, known)
      const cause = `a service of ${root.file.path}`
      throw (from ?? root.value).mustBe(cause, meant ? `Did you mean "${meant}"?` : hasServices(known))
    }
    const key = `${root.file.path} ${name}`
    if (above.includes(key)) throw from?.mustBe('another service than one that extends this one')
    if (above.length > maximumExtends) {
      throw from?.mustBe(`a service that is extended at most ${maximumExtends} deep`)
    }
    // Nothing at all is a service that another file says the rest of.
    if (value.type === 'null') return []
    const layer = services.within(value)
    const section = lastLayer([layer], 'extends')
    if (!section) return [layer]
    const below = [...above, key]
    if (section.value.type === 'string') {
      return [...(await this.#service(root, section.value.text(), below, section.value)), layer]
    }
    const named = lastLayer([section], 'service')
    const other = lastLayer([section], 'file')
    if (!named) throw section.value.mustBe('an object with "service"', 'Name the service to extend.')
    let base = root
    if (other) {
      const path = this.path(other)
      const file = await this.#open(path, other.value, posix.dirname(path), root.file.lookup)
      base = new Layer(new Value('', file.document.root, file), file)
    }
    return [...(await this.#service(base, named.value.text(), below, named.value)), layer]
  }

  async #include(entry: Layer, lookup: Lookup, above: readonly string[]): Promise<Project | undefined> {
    const simple = entry.value.type === 'string'
    const paths = itemsOf(simple ? [entry] : fieldLayers([entry], 'path'))
    if (paths.length === 0) throw entry.value.mustBe('an object with "path"', 'Name the file to include.')
    const elsewhere = paths.find(({ value }) => /^(?:[a-z]+:|git@)/.test(value.text()))
    if (elsewhere) {
      elsewhere.value.ignore('files from elsewhere are not fetched')
      return undefined
    }
    const files = paths.map((layer) => ({ path: this.path(layer), named: layer.value }))
    const directory = simple ? undefined : lastLayer([entry], 'project_directory')
    const folder = directory ? this.path(directory) : posix.dirname(files[0]?.path ?? '.')
    const named = simple ? [] : itemsOf(fieldLayers([entry], 'env_file'))
    const found = new Map<string, Text>()
    for (const layer of named) {
      const variables = await this.envFile(layer, false)
      if (!variables) noteMissing(layer, this.path(layer))
      for (const [name, text] of variables ?? []) found.set(name, text)
    }
    const own = named.length > 0 ? (name: string) => found.get(name) : await this.#dotenv(folder)
    return this.#read(files, folder, (name) => lookup(name) ?? own(name), above)
  }

  async #dotenv(folder: string): Promise<Lookup> {
    const path = posix.join(folder, '.env')
    const bytes = await this.#load(path, maximumEnvBytes, undefined)
    if (!bytes) return () => undefined
    const outside = composeVariables(this.#context, () => undefined)
    const variables = readEnvFile(path, bytes, outside)
    return (name) => variables.get(name)
  }

  async #open(path: string, named: Value, folder: string, lookup: Lookup): Promise<ComposeFile> {
    let document = this.#documents.get(path)
    if (!document) {
      const bytes = await this.#load(path, maximumYamlBytes, named)
      if (!bytes) throw named.mustBe(`a file that exists (there is no ${path})`)
      document = yamlDocument(path, bytes, example)
      this.#documents.set(path, document)
    }
    // Also those that are open already: each of them is read once more.
    this.#opened += 1
    if (this.#opened > 10 * maximumFiles) throw tooMany(named)
    checkVariables(document, lookup)
    const substitution = composeSubstitution(lookup, (name) => {
      this.#notApplied.push({
        field: `\${${shorten(name)}}`,
        reason: 'this variable is set neither in your environment nor in the .env file, and counts as empty',
      })
    })
    return { document, path, folder, lookup, substitution, notApplied: this.#notApplied }
  }

  async #load(path: string, limit: number, named: Value | undefined): Promise<Uint8Array | undefined> {
    if (this.#bytes.has(path)) return this.#bytes.get(path)
    if (named && this.#bytes.size >= maximumFiles) throw tooMany(named)
    const bytes = await this.#reader.read(path, limit)
    this.#bytes.set(path, bytes)
    return bytes
  }
}

function tooMany(named: Value): Error {
  return named.mustBe(`among the first ${maximumFiles} files`, 'Use fewer files for one definition.')
}

function hasServices(names: readonly string[]): string {
  const shown = names.slice(0, 20).map((name) => shorten(name))
  return shown.length > 0 ? `The file has: ${shown.join(', ')}.` : 'The file has no services.'
}

function add(all: Map<string, Layer[]>, name: string, layers: readonly Layer[]): void {
  const there = all.get(name)
  if (there) there.push(...layers)
  else all.set(name, [...layers])
}

function mergeInto(project: Project, included: Project): void {
  for (const [name, layers] of included.services) add(project.services, name, layers)
  for (const kind of besides) {
    for (const [name, layers] of included[kind]) add(project[kind], name, layers)
  }
  project.files.push(...included.files)
}
