import {
  type ClusterObject,
  clusterObjectRight,
  type Definition,
  grantedRights,
  type ImageAliases,
} from '#contract'
import { Findings } from './findings'
import { checkImages, type NamedImage } from './images'
import type { LoadedPolicy } from './loaded'

/** Parts of a manifest that are texts of the user's own, in which `image` may be anything. */
const texts = new Set(['metadata', 'data', 'stringData', 'binaryData', 'args', 'command', 'env'])
/** Levels of a manifest that are looked through; those of the usual kinds have ten. */
const DEEPEST = 40

/** The images that an object of a cluster names, in whatever it has pods made of. */
export function imagesOfObject({ kind, name, manifest }: ClusterObject): NamedImage[] {
  const found: NamedImage[] = []
  const where = `the ${kind} ${name}`
  const look = (value: unknown, depth: number): void => {
    if (typeof value !== 'object' || value === null) return
    if (depth > DEEPEST) {
      found.push({ image: undefined, where, written: 'its depths' })
      return
    }
    for (const [key, each] of Object.entries(value)) {
      if (key === 'image' && typeof each === 'string' && each !== '')
        found.push({ image: /[\s"'$\\]/.test(each) ? undefined : each, where, written: each })
      else if (Array.isArray(value) || !texts.has(key)) look(each, depth + 1)
    }
  }
  look(manifest, 0)
  return found
}

/** Holds the objects beside a workspace against policies: what was allowed is refused, what is only asked for is told. */
export function checkObjects(
  policies: readonly LoadedPolicy[],
  { clusterObjects = [], container }: Pick<Definition, 'clusterObjects' | 'container'>,
  aliases: ImageAliases,
  findings: Findings,
): void {
  const granted = new Set(grantedRights(container).map(({ kind, value }) => `${kind} ${value}`))
  for (const object of clusterObjects) {
    const title = `the ${object.kind} ${object.name}`
    const { kind, value } = clusterObjectRight(object)
    const isGranted = granted.has(`${kind} ${value}`)
    for (const by of policies) {
      const { rights, resources } = by.policy.spec
      if (rights?.clusterObject === 'deny' && !isGranted) continue
      const own = isGranted ? findings : new Findings()
      checkImages([by], imagesOfObject(object), aliases, own)
      const [first] = isGranted ? [] : own.violations
      if (first) findings.explain(by, `${title.replace(/^t/, 'T')} may not be allowed: ${first.title}`)
      else if (resources?.max?.cpu !== undefined || resources?.max?.memory !== undefined)
        findings.explain(by, `What ${title} takes is not limited`)
    }
  }
}
