import { posix } from 'node:path'
import type { ImageBuild } from '#contract'
import type { Value } from '../document/value'
import { isImageName } from '../image-name'
import { insideRepository } from '../paths'
import type { RepositoryReader } from '../reader'
import type { Component, ContainerComponent, ImageComponent } from './components'
import type { Places } from './places'
import { readList } from './shape'

/** What containers are made of: an image, or the build of an image component that has its name. */
export class Images {
  readonly #components: readonly ImageComponent[]
  readonly #reader: RepositoryReader
  readonly #places: Places
  readonly #used = new Set<ImageComponent>()
  readonly #reasons = new Map<ImageComponent, string>()

  constructor(components: ReadonlyMap<string, Component>, reader: RepositoryReader, places: Places) {
    this.#components = [...components.values()].filter((each) => each.kind === 'image')
    this.#reader = reader
    this.#places = places
  }

  async of(
    container: ContainerComponent,
  ): Promise<{ readonly image: string } | { readonly build: ImageBuild }> {
    const { image, imageAt } = container
    const component = this.#components.find(({ imageName }) => withTag(imageName) === withTag(image))
    const build = component && (await this.#build(component))
    if (component && build) {
      this.#used.add(component)
      return { build }
    }
    // A devfile may call it as it likes; that no registry has one with capitals is told by whoever looks for it.
    if (!isImageName(image.toLowerCase())) {
      throw imageAt.mustBe('the name of an image', 'Write, for example, "image: debian:bookworm".')
    }
    return { image }
  }

  /** Whether a container is made of the image component of this name. */
  isUsed(name: string): boolean {
    return [...this.#used].some((each) => each.name === name)
  }

  /** Lists the image components of which no container is made. */
  listUnused(): void {
    for (const component of this.#components) {
      if (this.#used.has(component)) continue
      component.at.ignore(
        this.#reasons.get(component) ??
          'no container of the file runs this image; it is there to be deployed',
      )
    }
  }

  async #build(component: ImageComponent): Promise<ImageBuild | undefined> {
    const { source, sourceAt } = component
    if (source !== 'uri') {
      const where = source === 'git' ? 'another repository' : 'a registry of devfiles'
      this.#reasons.set(component, `its Dockerfile is in ${where}, so the image is not built but pulled`)
      return undefined
    }
    const { origin } = this.#places.layerOf(sourceAt.node)
    const uri = sourceAt.text()
    if (origin.kind !== 'repository' || /^[a-z][a-z0-9+.-]*:/i.test(uri)) {
      this.#reasons.set(
        component,
        'its Dockerfile is not in the repository, so the image is not built but pulled',
      )
      return undefined
    }
    const dockerfile = await this.#locate(
      sourceAt,
      insideRepository(posix.dirname(origin.path), withoutSource(uri)),
    )
    const { buildContext, args, rootRequired } = component
    const folder = buildContext ? withoutSource(buildContext.text()) : '.'
    const context = buildContext
      ? await this.#locate(buildContext, insideRepository('.', folder === '' ? '.' : folder))
      : '.'
    rootRequired?.ignore('images are built as the target builds them')
    return { dockerfile, context, ...readArguments(args) }
  }

  async #locate(value: Value, path: string | undefined): Promise<string> {
    if (path === undefined) {
      throw value.mustBe(
        'a path inside the repository',
        'Paths are relative: of a Dockerfile to the folder of this file, of a build context to the root.',
      )
    }
    if (!(await this.#reader.exists(path))) throw value.mustBe(`a path that exists (there is no ${path})`)
    return path
  }
}

/** `$PROJECT_SOURCE/x` is the repository's `x`. */
function withoutSource(path: string): string {
  return path.replace(/^\$(?:PROJECT_SOURCE|\{PROJECT_SOURCE\})\/?/, '')
}

function withTag(image: string): string {
  const name = image.slice(image.lastIndexOf('/') + 1)
  return name.includes(':') || name.includes('@') ? image : `${image}:latest`
}

/** Arguments for the program that builds, of which those of the Dockerfile and its stage are known here. */
function readArguments(value: Value | undefined): Pick<ImageBuild, 'args' | 'target'> {
  const args = new Map<string, string>()
  let target: string | undefined
  const items = value ? readList(value) : []
  for (let index = 0; index < items.length; index++) {
    const item = items[index]
    if (!item) continue
    const text = item.text()
    const option = /^(--build-arg|--target)(?:=(.*))?$/s.exec(text)
    let given = option ? option[2] : text
    if (option && given === undefined) given = items[++index]?.text()
    const argument = /^([A-Za-z_]\w*)=(.*)$/s.exec(given ?? '')
    if (option?.[1] === '--target' && given) target = given
    else if (argument?.[1] !== undefined && argument[2] !== undefined) args.set(argument[1], argument[2])
    else
      item.ignore('arguments of the program that builds are not passed on, but for --build-arg and --target')
  }
  return { args: Object.fromEntries(args), ...(target !== undefined && { target }) }
}
