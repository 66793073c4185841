import type { Target, TargetAction } from '#contract'
import { CREATE_FOR_WEBSOCKETS, type Right } from './rights'

/** By resource, the verbs that an action cannot do without. */
type Needs = Readonly<Record<string, readonly string[]>>

const making: Needs = {
  statefulsets: ['get', 'list', 'create', 'patch'],
  persistentvolumeclaims: ['get', 'list', 'create', 'patch'],
  pods: ['get', 'list', 'watch', 'create', 'delete'],
}
const needs: Readonly<Record<Exclude<TargetAction, 'terminals' | 'ports'>, Needs>> = {
  create: making,
  start: { statefulsets: ['get', 'patch'], pods: ['get', 'list', 'watch'] },
  stop: { statefulsets: ['get', 'patch'], pods: ['get', 'list', 'watch', 'delete'] },
  rebuild: making,
  rename: { statefulsets: ['get', 'patch'], persistentvolumeclaims: ['get', 'list', 'patch'] },
  grow: { persistentvolumeclaims: ['get', 'patch'] },
  // Also of what a workspace may have and need not: nothing of it is to be left.
  delete: {
    statefulsets: ['get', 'delete'],
    persistentvolumeclaims: ['get', 'delete'],
    pods: ['get', 'delete'],
    secrets: ['delete'],
    networkpolicies: ['delete'],
  },
  logs: { 'pods/log': ['get'] },
}

/** What cannot be done without the rights that are missing; `minor` is the server's version. */
export function deniedActions(missing: readonly Right[], minor: number): NonNullable<Target['denied']> {
  const lacks = (resource: string, verb: string) =>
    missing.some((right) => right.resource === resource && right.verbs.includes(verb))
  const named = (resource: string, verb: string) => {
    const group = missing.find((right) => right.resource === resource)?.group
    return `${verb} ${group ? `${resource}.${group}` : resource}`
  }
  /** One of the two verbs is enough, a protocol for each; newer servers want `create` for both. */
  const streams = (resource: string) => {
    const verbs = ['get', 'create'].filter((verb) => lacks(resource, verb))
    const denied = verbs.length === 2 || (minor >= CREATE_FOR_WEBSOCKETS && verbs.includes('create'))
    return denied ? verbs.map((verb) => named(resource, verb)) : []
  }
  const all: readonly (readonly [TargetAction, readonly string[]])[] = [
    ...Object.entries(needs).map(([action, wanted]) => {
      const rights = Object.entries(wanted).flatMap(([resource, verbs]) =>
        verbs.filter((verb) => lacks(resource, verb)).map((verb) => named(resource, verb)),
      )
      return [action as keyof typeof needs, rights] as const
    }),
    ['terminals', streams('pods/exec')],
    ['ports', streams('pods/portforward')],
  ]
  return all.flatMap(([action, rights]) => (rights.length > 0 ? [{ action, rights: [...rights] }] : []))
}
