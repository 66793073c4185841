import { createHash } from 'node:crypto'
import { posix } from 'node:path'
import { parseAllDocuments } from 'yaml'
import { ClusterObject, clusterObjectRight, maximumClusterObjects, type Right, uniqueRights } from '#contract'
import { shorten } from '../document/value'
import { maximumYamlBytes } from '../document/yaml'
import { insideRepository } from '../paths'
import type { DefinitionContext, RepositoryReader } from '../reader'
import type { Commands } from './commands'
import type { ClusterComponent, Component } from './components'
import type { Event } from './events'
import { webAddress } from './flatten'
import type { Places } from './places'

/** Characters of all manifests of a definition: they are kept with the workspace. */
const maximumText = 64 * 1024

/** What becomes of the `kubernetes` and `openshift` components of a devfile. */
export interface ClusterObjects {
  readonly objects: readonly ClusterObject[]
  /** One for each, for the user to allow. */
  readonly rights: readonly Right[]
  /** The digests of a component's objects; it is not there where they cannot be made. */
  readonly of: ReadonlyMap<string, readonly string[]>
}

/**
 * The components whose objects are there from the beginning: those that say so with `deployByDefault`, those that a
 * `preStart` event applies, and those that say nothing and that no command applies (devfile.io, "deployByDefault").
 */
function startsByItself(component: ClusterComponent, commands: Commands, events: readonly Event[]): boolean {
  if (component.deployByDefault !== undefined && component.deployByDefault) return true
  if (appliedBefore(commands, events).has(component.name)) return true
  return component.deployByDefault === undefined && !isApplied(component, commands)
}

function isApplied({ name }: ClusterComponent, commands: Commands): boolean {
  return [...commands.values()].some((each) => each.kind === 'apply' && each.component === name)
}

/** The components that `preStart` events apply. */
export function appliedBefore(commands: Commands, events: readonly Event[]): ReadonlySet<string> {
  const applied = new Set<string>()
  const seen = new Set<string>()
  const left = events.filter((event) => event.name === 'preStart').map(({ command }) => command)
  for (let each = left.pop(); each; each = left.pop()) {
    if (seen.has(each.id)) continue
    seen.add(each.id)
    if (each.kind === 'apply') applied.add(each.component)
    if (each.kind !== 'composite') continue
    for (const id of each.commands) {
      const next = commands.get(id)
      if (next) left.push(next)
    }
  }
  return applied
}

/** Reads the manifests. What cannot be made is named: a workspace can do without. */
export async function readClusterObjects(
  components: ReadonlyMap<string, Component>,
  commands: Commands,
  events: readonly Event[],
  from: {
    readonly reader: RepositoryReader
    readonly context: DefinitionContext
    readonly places: Places
  },
): Promise<ClusterObjects> {
  const objects = new Map<string, ClusterObject>()
  const rights: Right[] = []
  const of = new Map<string, readonly string[]>()
  let length = 0
  for (const component of components.values()) {
    if (component.kind !== 'kubernetes' && component.kind !== 'openshift') continue
    const isFirst = startsByItself(component, commands, events)
    if (!isFirst && !isApplied(component, commands)) {
      component.at.ignore('its objects are put into the cluster by a command alone, and no command does that')
      continue
    }
    const read = await readManifest(component, from)
    if ('reason' in read) {
      component.at.ignore(read.reason)
      continue
    }
    length += JSON.stringify(read.objects).length
    if (length > maximumText || objects.size + read.objects.length > maximumClusterObjects) {
      component.at.ignore('its objects are more than can be kept with a workspace')
      continue
    }
    for (const object of read.objects) {
      // Of two that are the same one is enough, and it is there from the beginning if either is.
      const same = objects.get(object.digest)
      const isLater = !isFirst && (same === undefined || same.onDemand === true)
      objects.set(object.digest, isLater ? { ...object, onDemand: true } : object)
      rights.push(clusterObjectRight(object, `component ${component.name}`))
    }
    of.set(component.name, [...new Set(read.objects.map(({ digest }) => digest))])
    for (const { kind, name } of read.elsewhere)
      component.at.ignore(`the ${kind} "${name}" is made in the namespace of the workspace, and in no other`)
    if (component.endpoints.length > 0)
      component.at
        .named(`${component.at.name}.endpoints`)
        .ignore("only the workspace's own ports are forwarded")
  }
  return { objects: [...objects.values()], rights: uniqueRights(rights), of }
}

interface Manifest {
  readonly objects: readonly ClusterObject[]
  /** Those that name a namespace. */
  readonly elsewhere: readonly ClusterObject[]
}

interface Unread {
  readonly reason: string
}

async function readManifest(
  component: ClusterComponent,
  from: Parameters<typeof readClusterObjects>[3],
): Promise<Manifest | Unread> {
  const text = await manifestText(component, from)
  if (typeof text !== 'string') return text
  const all = documents(text)
  if ('reason' in all) return all
  const objects: ClusterObject[] = []
  const elsewhere: ClusterObject[] = []
  for (const item of all.documents.flatMap(itemsOf)) {
    const object = readObject(item)
    if (!object)
      return { reason: 'its manifest holds something without an "apiVersion", "kind" or "metadata.name"' }
    objects.push(object.made)
    if (object.elsewhere) elsewhere.push(object.made)
  }
  return { objects, elsewhere }
}

async function manifestText(
  { source, sourceAt }: ClusterComponent,
  { reader, context, places }: Parameters<typeof readClusterObjects>[3],
): Promise<string | Unread> {
  const uri = sourceAt.text()
  if (source === 'inlined') return uri
  const { origin } = places.layerOf(sourceAt.node)
  if (origin.kind !== 'repository' || /^[a-z][a-z0-9+.-]*:/i.test(uri)) {
    const address = webAddress(sourceAt, uri, origin.kind === 'address' ? origin.address : undefined)
    try {
      if (context.fetchText) return await context.fetchText(address, maximumYamlBytes)
      return { reason: 'its manifest is elsewhere, and nothing can be fetched here' }
    } catch (error) {
      if (error instanceof Error && error.name === 'AbortError') throw error
      return { reason: `its manifest cannot be fetched: ${shorten(sentence(error), 200)}` }
    }
  }
  const path = insideRepository(posix.dirname(origin.path), uri)
  if (path === undefined)
    throw sourceAt.mustBe(
      'a path inside the repository or an http(s) address',
      'Paths are relative to the folder of this file.',
    )
  const file = await reader.read(path, maximumYamlBytes)
  return file
    ? new TextDecoder().decode(file)
    : { reason: `its manifest is missing: there is no file ${shorten(path)}` }
}

function documents(text: string): { readonly documents: readonly unknown[] } | Unread {
  try {
    const parsed = parseAllDocuments(text, { prettyErrors: false, strict: false, uniqueKeys: false })
    const all = Array.isArray(parsed) ? parsed : []
    const [mistake] = all.flatMap(({ errors }) => errors)
    if (mistake) throw mistake
    // As many aliases as a person would write; an alias of aliases of aliases is an attack.
    return { documents: all.map((document) => document.toJS({ maxAliasCount: 100 })) }
  } catch (error) {
    return { reason: `its manifest is not YAML: ${shorten(sentence(error), 200)}` }
  }
}

function sentence(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).replace(/\.$/, '')
}

/** The objects of a document: of a `List` those that it lists. */
function itemsOf(document: unknown): readonly unknown[] {
  if (document === null || document === undefined) return []
  const isList = isObject(document) && typeof document.kind === 'string' && /List$/.test(document.kind)
  return isList && Array.isArray(document.items) ? document.items : [document]
}

function readObject(
  item: unknown,
): { readonly made: ClusterObject; readonly elsewhere: boolean } | undefined {
  if (!isObject(item) || !isObject(item.metadata)) return undefined
  const { status: _status, ...wanted } = item
  const { namespace, ownerReferences: _owners, ...metadata } = item.metadata
  const manifest = { ...wanted, metadata }
  const made = ClusterObject.safeParse({
    apiVersion: item.apiVersion,
    kind: item.kind,
    name: metadata.name,
    digest: createHash('sha256').update(JSON.stringify(manifest)).digest('hex').slice(0, 16),
    manifest,
  }).data
  return made && { made, elsewhere: namespace !== undefined }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
