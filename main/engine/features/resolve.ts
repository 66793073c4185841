import { type FeatureRequest, type NotApplied, type ProblemError, problem } from '#contract'
import {
  closest,
  type FeatureReference,
  insideRepository,
  parseFeatureReference,
  type RepositoryReader,
  shorten,
  withoutVersion,
} from '../definitions/index'
import { FeatureLoader, type LoadedFeature } from './loader'
import type { FeatureLock } from './lock'
import { resolveOptions } from './options'
import { type FeatureNode, findSame, installOrder, type SoftDependency, satisfies } from './order'
import type { Fetch } from './registry/bounded-fetch'
import { type Logins, nameOf } from './registry/client'

/** What progress is told to, in words; a step's own report has this form. */
export interface FeatureReport {
  detail(text: string): void
}

export interface ResolveContext {
  /** Absent: the global one. */
  readonly fetch?: Fetch
  /** The user's logins for registries; absent: none. */
  readonly logins?: Logins
  /** The repository, for Features in folders of it. */
  readonly reader?: RepositoryReader
  /** Folder of the definition, relative to the repository's root, for folders that Features of folders depend on. */
  readonly folder?: string
  /** `featureOrder` of the definition. */
  readonly order?: readonly string[]
  readonly lock?: FeatureLock
  /** Where a Feature of a registry is fetched instead, by its whole reference; undefined: where it says. */
  readonly alias?: (reference: string) => string | undefined
  /** Asked before anything of a Feature is fetched: throws where it may not be used. Absent: all may. */
  readonly allow?: ((reference: string, neededBy: string | undefined) => void) | undefined
  readonly signal: AbortSignal
  readonly report?: FeatureReport
  /** Milliseconds of silence after which a server counts as dead; absent: 30,000. */
  readonly patience?: number
}

/** A Feature that is to be installed, with all that this takes. */
export interface ResolvedFeature extends LoadedFeature {
  /** As the definition, or the Feature that needs it, names it. */
  readonly reference: string
  /** With version or digest, as a person would write it. */
  readonly name: string
  /** A value for each option, by its name; those that name this machine's environment are as written. */
  readonly options: Readonly<Record<string, string>>
}

export interface ResolvedFeatures {
  /** In the order of installation. */
  readonly features: readonly ResolvedFeature[]
  readonly notApplied: readonly NotApplied[]
}

/** With all that they depend on. */
const maximumFeatures = 200
const maximumBytes = 256 * 1024 * 1024
const parallel = 4

interface Node extends FeatureNode {
  readonly loaded: LoadedFeature
  readonly dependsOn: Node[]
  readonly installsAfter: SoftDependency[]
}

interface Pending {
  readonly request: FeatureRequest
  readonly parsed: FeatureReference
  readonly neededBy?: Node
}

/**
 * Fetches the Features that a definition asks for and all that they depend on, checks them, and puts them in the
 * order of installation (containers.dev, "Installation order"). Rejects with `feature-not-found`, `feature-invalid`
 * (also: they wait for each other), `definition-invalid`, `registry-auth`, `registry-unreachable` or `cancelled`.
 */
export async function resolveFeatures(
  requests: readonly FeatureRequest[],
  context: ResolveContext,
): Promise<ResolvedFeatures> {
  // What is still under way when one fails is of no use any more.
  const ended = new AbortController()
  const loader = new FeatureLoader({
    fetch: context.fetch ?? globalThis.fetch,
    signal: AbortSignal.any([context.signal, ended.signal]),
    patience: context.patience ?? 30_000,
    logins: context.logins ?? { of: async () => undefined },
    ...(context.reader ? { reader: context.reader } : {}),
    ...(context.lock ? { lock: context.lock } : {}),
    ...(context.alias ? { alias: context.alias } : {}),
  })
  try {
    const notApplied: NotApplied[] = []
    const nodes = await buildGraph(requests, loader, context, notApplied)
    await findFormerIds(nodes, loader, context)
    const first = (context.order ?? []).flatMap((reference): SoftDependency[] => {
      const parsed = parseFeatureReference(reference)
      return 'wanted' in parsed ? [] : [{ reference, parsed, ids: [] }]
    })
    notApplied.push(...notOrdered(first, nodes))
    const features = installOrder(nodes, first).map(({ reference, loaded, options }): ResolvedFeature => {
      const resolved = resolveOptions(loaded.metadata, options, reference)
      notApplied.push(...resolved.notApplied)
      for (const { field, reason } of loaded.metadata.notApplied) {
        notApplied.push({ field: `${field} (${reference})`, reason })
      }
      const { parsed } = loaded
      const name =
        parsed.kind === 'registry' ? nameOf(parsed) : parsed.kind === 'tarball' ? parsed.url : parsed.path
      return { ...loaded, reference, name, options: resolved.options }
    })
    return { features, notApplied }
  } finally {
    ended.abort()
  }
}

/** Every Feature once, by rounds: those that were asked for, what these depend on, and so on. */
async function buildGraph(
  requests: readonly FeatureRequest[],
  loader: FeatureLoader,
  context: ResolveContext,
  notApplied: NotApplied[],
): Promise<Node[]> {
  const nodes: Node[] = []
  let pending: Pending[] = requests.map((request) => ({ request, parsed: parseRequest(request.reference) }))
  let total = 0
  while (pending.length > 0) {
    if (new Set(pending.map(({ request }) => request.reference)).size > maximumFeatures) throw tooMany()
    for (const { request, neededBy } of pending) context.allow?.(request.reference, neededBy?.reference)
    const loaded = await eachInParallel(pending, ({ request, parsed }) => {
      context.report?.detail(`Fetching the Feature ${shorten(request.reference, 200)}`)
      return loader.load(request.reference, parsed)
    })
    const next: Pending[] = []
    for (const [index, { request, neededBy }] of pending.entries()) {
      const feature = loaded[index]
      if (!feature) continue
      const node = createNode(request, feature, context, notApplied)
      // Also where it is there already, so that a circle is found, and found to be one.
      neededBy?.dependsOn.push(node)
      if (findSame(nodes, node)) continue
      nodes.push(node)
      if (nodes.length > maximumFeatures) throw tooMany()
      for (const content of feature.files.values()) total += content.length
      if (total > maximumBytes) throw tooLarge()
      for (const dependency of feature.metadata.dependsOn) {
        next.push({ ...parseDependency(dependency, node, context), neededBy: node })
      }
    }
    pending = next
  }
  return nodes
}

function createNode(
  request: FeatureRequest,
  loaded: LoadedFeature,
  { folder = '.' }: ResolveContext,
  notApplied: NotApplied[],
): Node {
  const installsAfter: SoftDependency[] = []
  for (const reference of loaded.metadata.installsAfter) {
    const parsed = parseFeatureReference(reference)
    if ('wanted' in parsed) {
      notApplied.push({
        field: `installsAfter (${request.reference})`,
        reason: `${shorten(reference)} is no Feature's name with its registry`,
      })
    } else if (parsed.kind === 'folder') {
      // As in a definition's own list: relative to the definition. One outside of the repository is not installed.
      const path = insideRepository(folder, parsed.path)
      if (path !== undefined)
        installsAfter.push({ reference, parsed: { kind: 'folder', path: `./${path}` }, ids: [] })
    } else installsAfter.push({ reference, parsed, ids: [] })
  }
  return {
    reference: request.reference,
    parsed: loaded.parsed,
    ...(loaded.digest ? { digest: loaded.digest } : {}),
    options: request.options,
    ids: loaded.metadata.ids,
    loaded,
    dependsOn: [],
    installsAfter,
  }
}

function parseRequest(reference: string): FeatureReference {
  const parsed = parseFeatureReference(reference)
  if (!('wanted' in parsed)) return parsed
  throw problem({
    code: 'definition-invalid',
    title: `${shorten(reference)} is not the name of a Feature`,
    cause: `It must be ${parsed.wanted}.`,
    remedy: parsed.remedy,
  })
}

function parseDependency(
  request: FeatureRequest,
  { reference, parsed: by }: Node,
  { folder = '.' }: ResolveContext,
): Pending {
  const refuse = (cause: string) =>
    problem({
      code: 'feature-invalid',
      title: `The Feature ${reference} depends on what cannot be installed`,
      cause,
      remedy: 'Take another version of it, or tell whoever publishes it.',
    })
  const parsed = parseFeatureReference(request.reference)
  const named = JSON.stringify(shorten(request.reference))
  if ('wanted' in parsed) throw refuse(`It names ${named}, which must be ${parsed.wanted}.`)
  if (parsed.kind !== 'folder') return { request, parsed }
  const inside = insideRepository(folder, parsed.path)
  if (by.kind !== 'folder')
    throw refuse(`It names ${named}, and only a Feature of the repository may name a folder.`)
  if (inside === undefined) throw refuse(`It names ${named}, which is outside of the repository.`)
  const path = `./${inside}`
  return { request: { ...request, reference: path }, parsed: { kind: 'folder', path } }
}

/**
 * A Feature that was renamed is still the one that `installsAfter` means by its other name. That is asked where it
 * could make a difference; where nobody can tell, the hint is dropped, as it is no more than that.
 */
async function findFormerIds(
  nodes: readonly Node[],
  loader: FeatureLoader,
  { signal }: ResolveContext,
): Promise<void> {
  const open: (() => Promise<void>)[] = []
  for (const { installsAfter } of nodes) {
    for (const [index, soft] of installsAfter.entries()) {
      const { parsed } = soft
      if (parsed.kind !== 'registry' || nodes.some((node) => satisfies(node, soft))) continue
      const isNear = nodes.some(
        ({ parsed: other }) =>
          other.kind === 'registry' &&
          other.registry === parsed.registry &&
          other.namespace === parsed.namespace,
      )
      if (!isNear || open.length >= maximumFeatures) continue
      open.push(async () => {
        try {
          installsAfter[index] = { ...soft, ids: await loader.ids(parsed) }
        } catch (error) {
          if (signal.aborted) throw error
        }
      })
    }
  }
  await eachInParallel(open, (ask) => ask())
}

/** What the definition wants to come first, and nothing installs: neither it nor a Feature asks for it. */
function notOrdered(first: readonly SoftDependency[], nodes: readonly Node[]): NotApplied[] {
  const known = nodes.map(({ parsed }) => withoutVersion(parsed))
  return first
    .filter((soft) => !nodes.some((node) => satisfies(node, soft)))
    .map(({ reference }) => {
      const meant = closest(reference, known)
      return {
        field: `overrideFeatureInstallOrder (${shorten(reference)})`,
        reason: `no Feature of this name is installed${meant ? `; did you mean "${meant}"?` : ''}`,
      }
    })
}

/** Results in the order of the items; the first failure ends it. */
async function eachInParallel<T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = []
  const queue = items.entries()
  const worker = async () => {
    for (const [index, item] of queue) results[index] = await work(item)
  }
  await Promise.all(Array.from({ length: parallel }, worker))
  return results
}

function tooLarge(): ProblemError {
  return problem({
    code: 'feature-invalid',
    title: 'The Features are too large',
    cause: `With all that they depend on they have more than ${maximumBytes} bytes.`,
    remedy: 'Leave some of them out of the definition.',
  })
}

function tooMany(): ProblemError {
  return problem({
    code: 'feature-invalid',
    title: 'There are too many Features',
    cause: `With all that they depend on they are more than ${maximumFeatures}.`,
    remedy: 'Leave some of them out of the definition.',
  })
}
