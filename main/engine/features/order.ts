import { type ProblemError, problem } from '#contract'
import type { FeatureReference } from '../definitions/index'
import { collate, compareOptions, type FeatureOptions } from './options'

/** A Feature in the graph of those that are to be installed. */
export interface FeatureNode {
  /** As somebody wrote it, for messages. */
  readonly reference: string
  readonly parsed: FeatureReference
  /** Of the manifest; absent for what is not from a registry. */
  readonly digest?: string
  /** As given, without defaults: they are part of which Feature it is. */
  readonly options: FeatureOptions
  /** Its id now and those that it had. */
  readonly ids: readonly string[]
  /** What must come before it. */
  readonly dependsOn: readonly FeatureNode[]
  /** What comes before it where that is installed at all. */
  readonly installsAfter: readonly SoftDependency[]
}

/** A Feature in any version, and with any options. */
export interface SoftDependency {
  readonly reference: string
  readonly parsed: FeatureReference
  /** Ids that the Feature of this name has or had; empty where that is not known. */
  readonly ids: readonly string[]
}

/**
 * In what order two Features of one round are installed, 0 where they are the same (containers.dev, "Round stable
 * sort"). Where the text leaves something open, or differs, it is as in the reference implementation.
 */
export function compareFeatures(left: FeatureNode, right: FeatureNode): number {
  const [a, b] = [left.parsed, right.parsed]
  if (a.kind === 'registry' && b.kind === 'registry') {
    const options = compareOptions(left.options, right.options)
    if (left.digest !== undefined && left.digest === right.digest && options === 0) return 0
    return (
      collate(`${a.registry}/${a.namespace}`, `${b.registry}/${b.namespace}`) ||
      (sharesId(left, right) ? 0 : collate(a.id, b.id)) ||
      (a.tag !== undefined && b.tag !== undefined ? collate(a.tag, b.tag) : 0) ||
      options ||
      collate(left.digest ?? '', right.digest ?? '')
    )
  }
  if (a.kind === 'tarball' && b.kind === 'tarball') {
    return collate(a.url, b.url) || compareOptions(left.options, right.options)
  }
  if (a.kind === 'folder' && b.kind === 'folder') {
    return collate(a.path, b.path) || compareOptions(left.options, right.options)
  }
  return collate(left.reference, right.reference)
}

function sharesId(left: FeatureNode, right: FeatureNode): boolean {
  return left.ids.some((id) => right.ids.includes(id))
}

function isSame(left: FeatureNode, right: FeatureNode): boolean {
  return left.parsed.kind === right.parsed.kind && compareFeatures(left, right) === 0
}

/** The one of `nodes` that is the same Feature with the same options. */
export function findSame(nodes: readonly FeatureNode[], wanted: FeatureNode): FeatureNode | undefined {
  return nodes.find((node) => isSame(node, wanted))
}

/** Whether a Feature is the one that `installsAfter` or `overrideFeatureInstallOrder` means. */
export function satisfies(node: FeatureNode, soft: SoftDependency): boolean {
  const [a, b] = [node.parsed, soft.parsed]
  if (a.kind === 'registry' && b.kind === 'registry') {
    if (a.resource === b.resource) return true
    return (
      a.registry === b.registry &&
      a.namespace === b.namespace &&
      (soft.ids.includes(a.id) || node.ids.includes(b.id))
    )
  }
  if (a.kind === 'tarball' && b.kind === 'tarball') return a.url === b.url
  return a.kind === 'folder' && b.kind === 'folder' && a.path === b.path
}

/**
 * The order of installation by rounds (containers.dev, "dependsOn install order algorithm"). `nodes` has every Feature
 * once, with all that they depend on; `first` are those that come first, the first one first. Throws
 * `feature-invalid` where Features wait for each other.
 */
export function installOrder<T extends FeatureNode>(
  nodes: readonly T[],
  first: readonly SoftDependency[] = [],
): T[] {
  const priority = (node: T) => {
    const index = first.findIndex((soft) => satisfies(node, soft))
    return index < 0 ? 0 : first.length - index
  }
  let waiting = nodes.map((node) => ({
    node,
    priority: priority(node),
    after: node.installsAfter.filter((soft) => nodes.some((other) => satisfies(other, soft))),
  }))
  const order: T[] = []
  while (waiting.length > 0) {
    const ready = waiting.filter(
      ({ node, after }) =>
        node.dependsOn.every((wanted) => findSame(order, wanted)) &&
        after.every((soft) => order.some((done) => satisfies(done, soft))),
    )
    if (ready.length === 0) throw circular(waiting)
    const highest = Math.max(...ready.map((one) => one.priority))
    const round = ready.filter((one) => one.priority === highest)
    waiting = waiting.filter((one) => !round.includes(one))
    order.push(...round.map(({ node }) => node).sort(compareFeatures))
  }
  return order
}

interface Waiting {
  readonly node: FeatureNode
  readonly after: readonly SoftDependency[]
}

/** Names the Features of one circle, in the order in which each waits for the next. */
function circular(waiting: readonly Waiting[]): ProblemError {
  const path: Waiting[] = []
  let current = waiting[0]
  while (current && !path.includes(current)) {
    const { node, after }: Waiting = current
    path.push(current)
    current = waiting.find(
      (other) =>
        node.dependsOn.some((wanted) => isSame(other.node, wanted)) ||
        after.some((soft) => satisfies(other.node, soft)),
    )
  }
  const circle = path.slice(current ? path.indexOf(current) : 0).map(({ node }) => node.reference)
  return problem({
    code: 'feature-invalid',
    title: 'Features wait for each other',
    cause:
      circle.length === 1
        ? `${circle[0]} says that it comes after itself.`
        : `Each of these must come after the next, and the last one after the first: ${circle.join(', ')}.`,
    remedy: 'Leave one of them out of the definition, or take another version of it.',
  })
}
