import { type Language, toolchains } from './toolchains'
import { versionIn } from './versions'

/**
 * What an image of some language tells, as a Dockerfile or a pipeline uses it: `maven:3.9-eclipse-temurin-17` is
 * Java 17. Undefined for other images; without a version where the tag names none.
 */
export function languageOfImage(
  image: string,
): { readonly language: Language; readonly version: string | undefined } | undefined {
  const [, path = '', tag = ''] =
    /^([^:@\s]+(?::\d+\/[^:@\s]+)?)(?::([\w.-]+))?/.exec(image.slice(0, 300)) ?? []
  const name = path.replace(/^(?:docker\.io\/)?(?:library\/)?/, '')
  for (const [language, { images, parts }] of Object.entries(toolchains) as [
    Language,
    (typeof toolchains)[Language],
  ][]) {
    if (!images.includes(name)) continue
    const told =
      name === 'maven' || name === 'gradle' ? /(?:temurin|openjdk|corretto|jdk)-?(\d+)/.exec(tag)?.[1] : tag
    const isNumbered = told !== undefined && /^v?\d/.test(told)
    return { language, version: isNumbered ? versionIn(told, parts) : undefined }
  }
  return undefined
}
