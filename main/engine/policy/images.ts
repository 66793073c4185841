import {
  CLUSTER_BUILDER,
  CLUSTER_BUILDER_IMAGE,
  type Definition,
  type ImageAliases,
  type ImageBuild,
  type KubernetesOptions,
} from '#contract'
import { parseFeatureReference } from '../definitions/feature-reference'
import { doubtsOf } from '../drivers/shared/dockerfile-doubts'
import { familiar, imagesOf } from '../drivers/shared/dockerfile-images'
import type { Findings } from './findings'
import { hasDigestAlone, isContentId, isOfVersions, matchesDenied, matchesImage } from './image-pattern'
import type { LoadedPolicy } from './loaded'
import { wayTo } from './mirrors'

/** An image that a workspace would be made of. */
export interface NamedImage {
  /** Undefined: what it is made of is known to the build alone. */
  readonly image: string | undefined
  /** Where it is named, within a sentence: `the definition`, `Dockerfile:3`. */
  readonly where: string
  readonly written: string
  /** Absent: an image. A Feature is fetched from where images are, or it is a file of some server. */
  readonly what?: 'Feature' | 'tarball'
}

/** The images that a definition itself names. */
export function imagesOfDefinition(definition: Definition): NamedImage[] {
  const { image, services, path, features } = definition
  const where = path ?? (definition.format === 'default' ? 'the settings' : 'what was asked for')
  return [
    ...(image === undefined ? [] : [{ image, where, written: image }]),
    ...services.flatMap((service) =>
      service.image === undefined
        ? []
        : [{ image: service.image, where: `the service ${service.name}`, written: service.image }],
    ),
    ...features.flatMap(({ reference }) => imageOfFeature(reference, where)),
  ]
}

/** What a Feature is fetched as; nothing for those that are folders of the repository. */
export function imageOfFeature(reference: string, where: string): NamedImage[] {
  const parsed = parseFeatureReference(reference)
  if ('wanted' in parsed || parsed.kind === 'folder') return []
  if (parsed.kind === 'tarball') return [{ image: reference, where, written: reference, what: 'tarball' }]
  const version = parsed.digest === undefined ? `:${parsed.tag ?? 'latest'}` : `@${parsed.digest}`
  return [{ image: `${parsed.resource}${version}`, where, written: reference, what: 'Feature' }]
}

/** The image that a cluster builds a definition with, where it does. */
export function builderImages(
  definition: Definition,
  { builder, builderImage = CLUSTER_BUILDER_IMAGE }: NonNullable<KubernetesOptions['build']>,
): NamedImage[] {
  const isBuilt = buildsOfDefinition(definition).length > 0 || definition.features.length > 0
  if (builder !== CLUSTER_BUILDER || !isBuilt) return []
  return [{ image: builderImage, where: 'the settings, to build with', written: builderImage }]
}

/** The builds of a definition and of its services. */
export function buildsOfDefinition({ build, services }: Definition): ImageBuild[] {
  return [...(build ? [build] : []), ...services.flatMap((service) => (service.build ? [service.build] : []))]
}

/** Variables of this machine in it are known when it is built. */
const known = (written: string, where: string): NamedImage => ({
  image: /[$"'`\\\s=,]/.test(written) || written === '' ? undefined : written,
  where,
  written,
})

/** Longer Dockerfiles are not looked through, characters. */
const LONGEST_DOCKERFILE = 1024 * 1024

/** The images that a Dockerfile names, the one that reads the file for BuildKit among them. */
export function imagesOfDockerfile(build: ImageBuild, text: string): NamedImage[] {
  const { dockerfile, contexts = [] } = build
  if (text.length > LONGEST_DOCKERFILE) return [{ image: undefined, where: dockerfile, written: 'all of it' }]
  const lineOf = linesOf(text)
  // A context of a name in other letters is none for every builder.
  const stands = (image: string | undefined) =>
    image !== undefined && contexts.some(({ name }) => familiar(image) === familiar(name))
  return [
    ...readersOf(text).map((reader) => known(reader, `${dockerfile} (syntax)`)),
    ...imagesOf(text, build.args)
      .filter(({ image }) => !stands(image))
      .map(({ image, written, start }) => ({ image, where: `${dockerfile}:${lineOf(start)}`, written })),
    ...contexts.flatMap(({ name, image }) =>
      image === undefined ? [] : [known(image, `the context ${name}`)],
    ),
    ...doubtsOf(text).map(({ start, written }) => ({
      image: undefined,
      where: `${dockerfile}:${lineOf(start)}`,
      written,
    })),
    ...(build.args.BUILDKIT_SYNTAX === undefined
      ? []
      : [known(build.args.BUILDKIT_SYNTAX, 'the build argument BUILDKIT_SYNTAX')]),
    ...(build.cacheFrom ?? []).map((image) => known(image, 'cacheFrom')),
  ]
}

/** The number of the line that a character is in. Very many images ask. */
function linesOf(text: string): (start: number) => number {
  const starts = [0]
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) starts.push(at + 1)
  return (start) => {
    let low = 0
    let high = starts.length
    while (high - low > 1) {
      const middle = (low + high) >> 1
      if ((starts[middle] ?? 0) <= start) low = middle
      else high = middle
    }
    return low + 1
  }
}

/**
 * The images that some BuildKit would read a Dockerfile by (moby/buildkit, frontend/dockerfile/parser): what `syntax`
 * names in a comment before all else, whatever else is there in comments, in the comments of other languages, or in JSON.
 */
function readersOf(text: string): string[] {
  const found: string[] = []
  for (const line of text.replace(/^(?:\uFEFF|\xEF\xBB\xBF)/, '').split('\n')) {
    if (!/^\s*(?:#|\/\/|$)/.test(line)) break
    const reader = /^\s*(?:#|\/\/)\s*syntax\s*=\s*(\S+)/i.exec(line)?.[1]
    if (reader !== undefined) found.push(reader)
  }
  const ofJson = /^\s*\{/.test(text) && /"syntax"\s*:\s*("(?:[^"\\]|\\.)*")/i.exec(text)?.[1]
  if (ofJson) found.push(ofJson.slice(1, -1))
  return found
}

/** The mirrors of all policies; of one name the last policy's holds. */
export function mirrorsOf(policies: readonly LoadedPolicy[]): ImageAliases {
  return Object.assign({}, ...policies.map(({ policy }) => policy.spec.images?.mirrors ?? {}))
}

/** Holds images against what policies allow and refuse, and says by which mirror they are got. */
export function checkImages(
  policies: readonly LoadedPolicy[],
  images: readonly NamedImage[],
  own: ImageAliases,
  findings: Findings,
): void {
  const mirrors = mirrorsOf(policies)
  for (const named of images) {
    if (named.image === undefined) {
      unknownImage(policies, named, findings)
      continue
    }
    if (named.what === 'tarball') {
      for (const by of policies) checkTarball(by, named, findings)
      continue
    }
    const { mirror, alias } = wayTo(named.image, own, mirrors)
    // What runs is what is got: the user's own alias leads somewhere else, and a mirror of the team to the same.
    const image = alias?.image ?? named.image
    for (const by of policies) checkImage(by, image, named, findings)
    const from =
      mirror &&
      policies.findLast(({ policy }) => policy.spec.images?.mirrors?.[mirror.by] === mirrors[mirror.by])
    if (mirror && from)
      findings.explain(from, `${named.what ?? 'Image'} ${named.image} is got from ${mirror.image}`)
  }
}

function checkImage(
  by: LoadedPolicy,
  image: string,
  { where, image: asked, what: kind }: NamedImage,
  findings: Findings,
): void {
  const { allowed, denied = [] } = by.policy.spec.images ?? {}
  const what = kind ?? 'image'
  const named = `${image === asked ? '' : `, which is got for ${asked} by an alias of yours and`} is named in ${where}`
  const refused = denied.findIndex((pattern) => matchesDenied(pattern, image))
  const rule = ['spec', 'images']
  if (refused < 0 && denied.length > 0 && isContentId(image)) {
    findings.violate(by, [...rule, 'denied'], {
      title: `It cannot be told which image ${image} is`,
      cause: `It${named}, and may be the id of one that is refused.`,
      allowed: 'Name the image itself, with a registry: docker.io/library/debian.',
    })
    return
  }
  const open = hasDigestAlone(image) ? denied.filter((pattern) => isOfVersions(pattern, image)) : []
  if (refused < 0 && open.length > 0)
    findings.explain(
      by,
      `Whether ${image} is ${open.join(' or ')}, which is refused, its digest does not tell`,
    )
  if (refused >= 0) {
    findings.violate(by, [...rule, 'denied', refused], {
      title: `The ${what} ${image} may not be used`,
      cause: `It${named}, and “${denied[refused]}” is refused.`,
      allowed: allowed ? allowedText(allowed) : `Use another ${what}.`,
    })
  } else if (allowed && !allowed.some((pattern) => matchesImage(pattern, image))) {
    findings.violate(by, [...rule, 'allowed'], {
      title: `The ${what} ${image} is not allowed`,
      cause: `It${named}, and is none of those that the team allows.`,
      allowed: allowedText(allowed),
    })
  }
}

/** A file of some server is below no registry: where only some are allowed, it is none of them. */
function checkTarball(by: LoadedPolicy, { image = '', where }: NamedImage, findings: Findings): void {
  const { allowed } = by.policy.spec.images ?? {}
  if (!allowed || allowed.includes('**')) return
  findings.violate(by, ['spec', 'images', 'allowed'], {
    title: `The Feature ${image.slice(0, 200)} is not allowed`,
    cause: `It is named in ${where}, and comes from no registry that the team allows.`,
    allowed: allowedText(allowed),
  })
}

/** Where only some images are allowed, one that cannot be told is none of them. */
function unknownImage(
  policies: readonly LoadedPolicy[],
  { where, written }: NamedImage,
  findings: Findings,
): void {
  for (const by of policies) {
    const { allowed, denied } = by.policy.spec.images ?? {}
    if (!allowed && !denied?.length) continue
    findings.violate(by, ['spec', 'images', allowed ? 'allowed' : 'denied'], {
      title: `It cannot be told which image ${where} means`,
      cause: `“${written.slice(0, 100)}” is made of what only the build knows, and the team has rules for images.`,
      allowed:
        `Name the image itself there, or give its variable a default. ${allowed ? allowedText(allowed) : ''}`.trim(),
    })
  }
}

/** Patterns that a message names. */
const SHOWN = 8

function allowedText(patterns: readonly string[]): string {
  if (patterns.length === 0) return 'No image is allowed: ask whoever keeps the policy.'
  const shown = patterns.slice(0, SHOWN).join(', ')
  return `Allowed are ${shown}${patterns.length > SHOWN ? ` and ${patterns.length - SHOWN} more` : ''}.`
}
