import { posix } from 'node:path'
import { type ImageBuild, problem } from '#contract'
import { addContext, leadsOut } from '../build-contexts'
import type { BuildExtras } from '../build-options'
import { shorten } from '../document/value'
import { isImageName } from '../image-name'
import { insideRepository } from '../paths'
import { buildExtraFields, readBuildExtras } from './build-extras'
import { assignmentsOf } from './environment'
import { refuseUnknown } from './fields'
import { fieldLayers, itemsOf, type Layer, lastLayer } from './layer'
import type { Project, ProjectReader } from './project'
import { repositoryContext } from './repository-context'

const applied = [
  'context',
  'dockerfile',
  'args',
  'additional_contexts',
  'target',
  'cache_from',
  'dockerfile_inline',
  ...buildExtraFields,
]

const refused: Readonly<Record<string, string>> = {
  cache_to: 'what is built is kept where the target keeps its images',
  entitlements: 'builds get no extra rights',
  isolation: 'builds are isolated as their engine does it',
  platforms: 'an image is built for the machine that runs it',
  privileged: 'builds get no extra rights',
  provenance: 'an image that is built for one workspace has no attestations',
  sbom: 'an image that is built for one workspace has no attestations',
  tags: 'an image that is built for one workspace has a tag of its own',
  ulimits: 'a build has the limits that its engine gives it',
}

/**
 * What a service is made of. `origin` is where it is missing when nothing says it. Rejects with `definition-invalid`,
 * or `definition-unsupported` where it is built in a way that Berth has not.
 */
export async function readImage(
  layers: readonly Layer[],
  project: ProjectReader,
  origin: Layer,
  secrets: Project['secrets'],
): Promise<{ image: string } | { build: ImageBuild }> {
  const image = lastLayer(layers, 'image')
  const section = fieldLayers(layers, 'build')
  if (section.length === 0 && !image) {
    throw origin.invalid(
      `The service ${origin.value.name.replace(/^services\./, '')} has neither "image" nor "build".`,
      'Name its image, for example "image: debian:bookworm", or the folder to build it from.',
    )
  }
  const build = section.length === 0 ? undefined : await readBuild(section, project, image, secrets)
  if (build) {
    image?.value.ignore('"build" is given too, and wins: what is built has a tag of its own')
    return { build }
  }
  if (!image) throw origin.invalid('It has no image.')
  const name = image.value.text().trim()
  if (!isImageName(name)) {
    const filled = name === image.value.raw() ? '' : ` (it comes to ${JSON.stringify(shorten(name))})`
    throw image.value.mustBe(`the name of an image${filled}`, 'Write, for example, "image: debian:bookworm".')
  }
  return { image: name }
}

/** Undefined where only the image that is named too can be used. */
async function readBuild(
  layers: readonly Layer[],
  project: ProjectReader,
  image: Layer | undefined,
  secrets: Project['secrets'],
): Promise<ImageBuild | undefined> {
  const top = layers.at(-1)
  const maps = layers.filter(({ value }) => value.type !== 'string')
  const contexts = layers.flatMap((layer) =>
    layer.value.type === 'string' ? [layer] : fieldLayers([layer], 'context'),
  )
  const context = contexts.at(-1)
  const inline = lastLayer(maps, 'dockerfile_inline')
  const away = context && repositoryContext(context.value.text())
  const elsewhere = context && !away && /^(?:[a-z]+:\/\/|git@|[a-z-]+:)/i.test(context.value.text())
  const cannot = elsewhere
    ? {
        layer: context,
        reason: 'images are built of folders of the source and of git repositories, and this is neither',
      }
    : undefined
  if (cannot) {
    if (!image) throw unsupported(cannot.layer, cannot.reason)
    cannot.layer.value.ignore(`${cannot.reason}; the image that is named is used instead`)
    return undefined
  }
  const folder = away?.folder ?? (context ? project.path(context) : (top?.file.folder ?? '.'))
  if (!away) await mustExist(folder, context ?? top, project)
  const dockerfile = lastLayer(maps, 'dockerfile')
  const name = dockerfile?.value.text() ?? 'Dockerfile'
  const file = insideRepository(folder, name)
  if (file === undefined) {
    throw dockerfile?.value.mustBe('a path inside the repository', 'It is relative to the context.')
  }
  if (inline) dockerfile?.value.ignore('"dockerfile_inline" is given too, and wins')
  else if (!away) await mustExist(file, dockerfile ?? context ?? top, project)
  const extras = readBuildExtras(maps, secrets)
  if (away) withoutFiles(extras, maps)
  const target = lastLayer(maps, 'target')
  const cacheFrom = itemsOf(fieldLayers(maps, 'cache_from')).map(({ value }) => value.text())
  const args = assignmentsOf(fieldLayers(maps, 'args'), 'Write, for example, "args: {VERSION: 22}".')
  await readContexts(maps, project, extras, away !== undefined)
  refuseUnknown(maps, applied, refused)
  return {
    ...(away && { repository: away.repository }),
    dockerfile: file,
    context: folder,
    args: Object.fromEntries(args),
    ...(target && target.value.text() !== '' ? { target: target.value.text() } : {}),
    ...(cacheFrom.length > 0 ? { cacheFrom } : {}),
    ...(inline ? { inline: inline.value.text() } : {}),
    ...extras,
  }
}

/** Secrets that are files of the source: of it a build of another repository has nothing. */
function withoutFiles(extras: BuildExtras, layers: readonly Layer[]): void {
  const kept = extras.secrets?.filter(({ file }) => file === undefined)
  if (kept?.length === extras.secrets?.length) return
  lastLayer(layers, 'secrets')?.value.ignore(
    'an image of another repository has no files of this one; to give it one: --build-secret id=NAME,src=FILE',
  )
  if (kept?.length) extras.secrets = kept
  else delete extras.secrets
}

/** `NAME=VALUE` lists, or maps. Paths are relative to the file that they stand in. */
async function readContexts(
  layers: readonly Layer[],
  project: ProjectReader,
  extras: BuildExtras,
  isAway: boolean,
): Promise<void> {
  for (const layer of fieldLayers(layers, 'additional_contexts')) {
    const help = 'Write, for example, "additional_contexts: {shared: ../shared}".'
    for (const [name, value] of assignmentsOf([layer], help)) {
      addContext(name, value, extras, {
        base: layer.file.folder,
        refuse: (reason) => {
          if (reason === leadsOut) throw layer.value.mustBe('of paths inside the repository', help)
          layer.value.ignore(`${name}: ${reason}`)
        },
      })
      const folder = extras.contexts?.find((one) => one.name === name)?.folder
      if (folder === undefined) continue
      await mustExist(folder, layer, project)
      if (!isAway) continue
      layer.value.ignore(`${name}: an image of another repository has no folders of this one`)
      const others = extras.contexts?.filter((one) => one.name !== name) ?? []
      if (others.length > 0) extras.contexts = others
      else delete extras.contexts
    }
  }
}

async function mustExist(path: string, layer: Layer | undefined, project: ProjectReader): Promise<void> {
  if (await project.exists(path)) return
  throw layer?.value.mustBe(
    `a path that exists (there is no ${path})`,
    `Paths are relative to ${posix.join(layer.file.folder, '.') === '.' ? "the repository's root" : layer.file.folder}.`,
  )
}

function unsupported(layer: Layer, reason: string): Error {
  const place = layer.invalid(reason)
  return problem(
    {
      code: 'definition-unsupported',
      title: `${layer.file.path} asks for an image that cannot be built`,
      cause: `"${layer.value.name}": ${reason}.`,
      remedy: 'Put a Dockerfile into the source and name it, or name an image.',
    },
    place,
  )
}
