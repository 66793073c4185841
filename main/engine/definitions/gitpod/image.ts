import { posix } from 'node:path'
import type { Definition, ImageBuild } from '#contract'
import type { Value } from '../document/value'
import { isImageName } from '../image-name'
import { insideRepository } from '../paths'
import type { RepositoryReader } from '../reader'
import { ignoreUnknown, present } from './fields'

const example = 'Write "image: debian:bookworm", or "image:" and below it "file: .gitpod.Dockerfile".'

/** `image`: a name, or the Dockerfile that it is built from. Its paths are relative to the repository's root. */
export async function readImage(
  value: Value | undefined,
  reader: RepositoryReader,
  defaultImage: string,
): Promise<Pick<Definition, 'image' | 'imageIsDefault' | 'build'>> {
  if (!value) return { image: defaultImage, imageIsDefault: true }
  if (value.type === 'object') return { build: await readBuild(value, reader) }
  if (value.type !== 'string') throw value.mustBe('the name of an image, or an object with "file"', example)
  const image = value.text().trim()
  if (!isImageName(image)) throw value.mustBe('the name of an image', example)
  return { image }
}

async function readBuild(value: Value, reader: RepositoryReader): Promise<ImageBuild> {
  const fields = present(value.fields())
  const file = fields.get('file')
  if (!file) throw value.mustBe('an object with "file"', example)
  const locate = async (place: Value): Promise<string> => {
    const remedy = "Paths are relative to the repository's root."
    const path = insideRepository('.', place.text(remedy).trim())
    if (path === undefined) throw place.mustBe('a path inside the repository', remedy)
    if (!(await reader.exists(path))) throw place.mustBe(`a path that exists (there is no ${path})`, remedy)
    return path
  }
  const dockerfile = await locate(file)
  const context = fields.get('context')
  for (const [name, field] of fields) {
    if (name !== 'file' && name !== 'context') ignoreUnknown(field, name, ['file', 'context'])
  }
  return { dockerfile, context: context ? await locate(context) : posix.dirname(dockerfile), args: {} }
}
