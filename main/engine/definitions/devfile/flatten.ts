import { posix } from 'node:path'
import type { Node } from 'jsonc-parser'
import { type NotApplied, problem } from '#contract'
import { noDefinition } from '../document/file'
import { type DefinitionFile, shorten, Value } from '../document/value'
import { maximumYamlBytes, yamlDocument } from '../document/yaml'
import { insideRepository } from '../paths'
import type { DefinitionContext, RepositoryReader, TemplateReference } from '../reader'
import type { Substitution } from '../variables'
import { devfileFields } from './fields'
import { fileOfPage } from './forge-page'
import { Merge } from './merge'
import { type Origin, Places } from './places'
import { readFields, readKind, requireField } from './shape'

/** A devfile has a parent, which has one, and so on: as many at most. */
const maximumParents = 8

/** Characters of an address, as browsers and servers take them. */
const maximumAddress = 2000

/** Where parents are looked for by their ids when nothing else is said (devfile.io, "registryUrl"). */
const defaultRegistry = 'https://registry.devfile.io'

const example =
  'Begin it with "schemaVersion: 2.2.0", and list the containers under "components", each with a name and an image.'

export interface FlatDevfile {
  readonly root: Node
  readonly places: Places
  /** The least of the second numbers of the versions, of the file's and its parents': 1 of 2.1.0. */
  readonly oldest: number
}

/** Reads a devfile with its parents, and makes one of them. Rejects with `definition-invalid` or `-unsupported`. */
export async function flattenDevfile(
  path: string,
  reader: RepositoryReader,
  context: DefinitionContext,
  notApplied: NotApplied[],
): Promise<FlatDevfile> {
  const flattening = new Flattening(reader, context, notApplied)
  const root = await flattening.read({ kind: 'repository', path })
  return { root, places: flattening.places, oldest: flattening.oldest }
}

class Flattening {
  readonly places = new Places()
  /** The least of the second numbers of all versions, of the file's and its parents'. */
  oldest = Number.POSITIVE_INFINITY
  readonly #reader: RepositoryReader
  readonly #context: DefinitionContext
  readonly #notApplied: NotApplied[]
  readonly #merge = new Merge(this.places)
  readonly #chain: string[] = []

  constructor(reader: RepositoryReader, context: DefinitionContext, notApplied: NotApplied[]) {
    this.#reader = reader
    this.#context = context
    this.#notApplied = notApplied
  }

  /** `reference` is what names this file in the one below it. */
  async read(origin: Origin, reference?: Value): Promise<Node> {
    const name = nameOf(origin)
    const bytes = await this.#bytes(origin, reference)
    const document = yamlDocument(name, bytes, example)
    this.places.add({ document, origin })
    this.#chain.push(name)
    const file: DefinitionFile = { document, notApplied: this.#notApplied, substitution: noVariables }
    const value = new Value(reference ? `parent ${shorten(name)}` : '', document.root, file)
    const fields = readFields(value, devfileFields.devfile)
    // What a cluster keeps of a devfile has no version: it has the fields of the newest.
    const version = origin.kind === 'template' ? Number.POSITIVE_INFINITY : readVersion(value, fields, name)
    this.oldest = Math.min(this.oldest, version)
    if (Number.isFinite(version) && version > 3) {
      fields.get('schemaVersion')?.ignore('this version is newer than what Berth knows, which is 2.3.0')
    }
    const section = fields.get('parent')
    if (!section) return document.root
    const parent = await this.#parent(section.named('parent'), origin)
    return this.#merge.join(this.#merge.override(parent, section.node), document.root)
  }

  async #bytes(origin: Origin, reference: Value | undefined): Promise<Uint8Array> {
    if (origin.kind === 'address') return this.#fetch(origin.address, reference)
    if (origin.kind === 'template') return this.#template(origin.reference, reference)
    const { path } = origin
    const bytes = await this.#reader.read(path, maximumYamlBytes)
    if (bytes) return bytes
    if (reference) {
      throw reference.mustBe(
        `the path of a devfile (there is no file ${path})`,
        'Paths are relative to the folder of this file.',
      )
    }
    throw noDefinition(path, await this.#reader.exists(path))
  }

  async #fetch(address: string, reference: Value | undefined): Promise<Uint8Array> {
    const { fetchText } = this.#context
    let reason = 'nothing can be fetched here'
    try {
      if (fetchText) return new TextEncoder().encode(await fetchText(address, maximumYamlBytes))
    } catch (error) {
      if (error instanceof Error && error.name === 'AbortError') throw error
      reason = error instanceof Error ? error.message : String(error)
    }
    const cause = `The parent ${shorten(address, 200)} cannot be read: ${reason.replace(/\.$/, '')}.`
    const remedy =
      'Check the address and the network, or put the parent into the repository and name its path.'
    if (reference) throw reference.wrong(cause, remedy)
    throw problem({ code: 'definition-invalid', title: 'The devfile cannot be read', cause, remedy })
  }

  async #template(wanted: TemplateReference, at: Value | undefined): Promise<Uint8Array> {
    const { fetchTemplate } = this.#context
    if (!at || !fetchTemplate) throw asksForCluster(at)
    const answer = await fetchTemplate(wanted)
    if (answer.kind === 'refused') throw at.wrong(answer.cause, answer.remedy)
    const bytes = new TextEncoder().encode(answer.text)
    if (bytes.length > maximumYamlBytes)
      throw at.wrong(
        `The ${nameOf({ kind: 'template', reference: wanted })} has more than ${maximumYamlBytes / 1024} KiB.`,
        'Name a smaller one.',
      )
    return bytes
  }

  async #parent(section: Value, from: Origin): Promise<Node> {
    const fields = readFields(section, devfileFields.parent)
    const kind = readKind(section, fields, ['uri', 'id', 'kubernetes'])
    for (const name of ['registryUrl', 'version']) {
      if (kind !== 'id')
        fields.get(name)?.ignore('it belongs to "id", and the parent is named by another field')
    }
    const { origin, at } = parentOrigin(kind, section, fields, from)
    const name = nameOf(origin)
    if (this.#chain.includes(name)) {
      throw at.wrong(
        `The devfile is its own parent: ${[...this.#chain, name].slice(-4).join(' → ')}.`,
        'Name another parent, or none.',
      )
    }
    if (this.#chain.length > maximumParents) {
      throw at.wrong(
        `There are more than ${maximumParents} parents, one above the other.`,
        'Name a nearer parent.',
      )
    }
    checkOverrides(fields)
    return this.read(origin, at)
  }
}

function parentOrigin(
  kind: 'uri' | 'id' | 'kubernetes',
  section: Value,
  fields: ReadonlyMap<string, Value>,
  from: Origin,
): { origin: Origin; at: Value } {
  const at = requireField(section, fields, kind)
  switch (kind) {
    case 'uri':
      return { origin: uriOrigin(at, from), at }
    case 'id':
      return { origin: { kind: 'address', address: registryAddress(at, fields) }, at }
    case 'kubernetes':
      return { origin: { kind: 'template', reference: templateReference(at) }, at }
  }
}

/** `name` and `namespace` of a DevWorkspaceTemplate. */
function templateReference(at: Value): TemplateReference {
  const fields = readFields(at, devfileFields.parentKubernetes, { required: ['name'] })
  const name = requireField(at, fields, 'name')
  if (text(name).length > 253 || !/^[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?$/.test(text(name)))
    throw name.mustBe('the name of an object of a cluster', 'Write, for example, "team-template".')
  const namespace = fields.get('namespace')
  if (!namespace) return { name: text(name) }
  if (!/^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/.test(text(namespace)))
    throw namespace.mustBe('the name of a namespace', 'Write, for example, "team".')
  return { name: text(name), namespace: text(namespace) }
}

function asksForCluster(at: Value | undefined): Error {
  const mistake = at && problemOf(at.wrong('Its parent is an object of a cluster, a DevWorkspaceTemplate.'))
  const { title = 'The devfile', cause = '', detail } = mistake ?? {}
  return problem({
    code: 'definition-unsupported',
    title: title.replace('has a mistake', 'asks for a cluster'),
    cause: `${cause} There is no cluster to ask: the workspace is not to be made on one.`.trim(),
    remedy:
      'Make the workspace on the Kubernetes target that has the template, or name the parent by "uri" or "id".',
    ...(detail === undefined ? {} : { detail }),
  })
}

function problemOf(error: Error): { title: string; cause: string; detail?: string } {
  return (error as ReturnType<typeof problem>).problem
}

function text(value: Value): string {
  if (value.type !== 'string' || value.raw() === '') throw value.mustBe('a text')
  return value.raw()
}

function uriOrigin(value: Value, from: Origin): Origin {
  const uri = text(value)
  if (/^[a-z][a-z0-9+.-]*:/i.test(uri) || from.kind !== 'repository') {
    const base = from.kind === 'address' ? from.address : undefined
    return { kind: 'address', address: fileOfPage(webAddress(value, uri, base)) }
  }
  const path = insideRepository(posix.dirname(from.path), uri)
  if (path === undefined) {
    throw value.mustBe(
      'a path inside the repository or an http(s) address',
      'Paths are relative to the folder of this file.',
    )
  }
  return { kind: 'repository', path }
}

/** An `http(s)` address, relative to `base`. Throws `definition-invalid`. */
export function webAddress(value: Value, uri: string, base?: string): string {
  const url = uri.length <= maximumAddress && URL.canParse(uri, base) ? new URL(uri, base) : undefined
  if (!url || !/^https?:$/.test(url.protocol) || url.username !== '' || url.password !== '') {
    throw value.mustBe(
      'an http(s) address without a password',
      'Write, for example, "https://example.com/devfile.yaml".',
    )
  }
  url.hash = ''
  return url.href
}

/** `<registryUrl>/devfiles/<id>[/<version>]` (devfile registry REST API). */
function registryAddress(id: Value, fields: ReadonlyMap<string, Value>): string {
  const registry = fields.get('registryUrl')
  const base = registry ? webAddress(registry, text(registry)) : defaultRegistry
  const stack = text(id)
  if (!/^[\w][\w.-]{0,200}$/.test(stack)) {
    throw id.mustBe('the name of a devfile in the registry', 'Write, for example, "nodejs".')
  }
  const version = fields.get('version')
  if (
    version &&
    !/^(?:latest|[1-9]\d{0,9}\.\d{1,9}\.\d{1,9}(?:[-+][0-9A-Za-z.+-]{1,100})?)$/.test(text(version))
  ) {
    throw version.mustBe('a version', 'Write, for example, "2.1.0", or "latest".')
  }
  return `${base.replace(/\/+$/, '')}/devfiles/${stack}${version ? `/${version.raw()}` : ''}`
}

/** What is changed must be lists and objects, or else it could not be put together. */
function checkOverrides(fields: ReadonlyMap<string, Value>): void {
  for (const name of ['components', 'commands', 'projects', 'starterProjects', 'dependentProjects']) {
    for (const item of fields.get(name)?.items() ?? []) item.fields()
  }
  for (const name of ['attributes', 'variables']) fields.get(name)?.fields()
}

function readVersion(value: Value, fields: ReadonlyMap<string, Value>, path: string): number {
  const field = fields.get('schemaVersion')
  const old = fields.get('apiVersion')
  if (!field) {
    if (old) throw unsupportedVersion(path, old)
    throw value.wrong(
      '"schemaVersion" is missing, which every devfile must have.',
      'Add "schemaVersion: 2.2.0".',
    )
  }
  const written = field.type === 'string' ? field.raw() : ''
  const form =
    /^(\d{1,4})\.(\d{1,4})\.(\d{1,4})(?:-[0-9a-z-]{1,50}(?:\.[0-9a-z-]{1,50})*)?(?:\+[0-9A-Za-z.-]{1,100})?$/
  const match = form.exec(written)
  if (!match) {
    throw field.mustBe('a version of three numbers', 'Write, for example, "schemaVersion: 2.2.0".')
  }
  if (match[1] !== '2') throw unsupportedVersion(path, field)
  return Number(match[2])
}

function unsupportedVersion(path: string, at: Value): Error {
  const { cause, detail } = problemOf(
    at.wrong(`Berth reads devfiles of version 2, and not ${shorten(at.raw(), 20)}.`),
  )
  return problem({
    code: 'definition-unsupported',
    title: `${path} is a devfile of another version`,
    cause,
    remedy: 'Bring it to "schemaVersion: 2.2.0", or choose an image when you create the workspace.',
    ...(detail === undefined ? {} : { detail }),
  })
}

function nameOf(origin: Origin): string {
  switch (origin.kind) {
    case 'address':
      return origin.address
    case 'repository':
      return origin.path
    case 'template': {
      const { name, namespace } = origin.reference
      return `DevWorkspaceTemplate ${namespace === undefined ? name : `${namespace}/${name}`}`
    }
  }
}

/** What names a parent has no variables. */
const noVariables: Substitution = {
  unknown: new Set(),
  all: (whole) => whole,
  exceptEnvironment: (whole) => whole,
}
