import { aliasOf } from '../../../platform/image-aliases'
import type { Platform } from '../../../platform/platform'
import { exchangeImages } from '../dockerfile-images'
import { exchangeSyntax, syntaxLine, withoutSyntax } from './buildkit/syntax'

export interface DockerfileRewrite {
  /** False: the Dockerfile is read by what the engine has built in, whatever it asks for. */
  readonly keepsSyntax?: boolean
  /** Told a line for each image that is exchanged. */
  readonly tell?: (line: string) => void
  /** Told each image that is named, as it will be got. */
  readonly image?: (name: string) => void
}

/**
 * Exchanges the images that a Dockerfile names for those that the settings give instead, also the one that it is to be
 * read by. `args` are those that the build gets.
 */
export function rewriteDockerfile(
  args: Readonly<Record<string, string>>,
  { settings }: Pick<Platform, 'settings'>,
  { keepsSyntax = true, tell = () => undefined, image: named = () => undefined }: DockerfileRewrite = {},
): (text: string) => string {
  return (text) => {
    const aliases = settings.get().imageAliases
    const result = exchangeImages(text, args, (image) => {
      const to = aliasOf(image, aliases)?.image
      named(to ?? image)
      return to
    })
    for (const { from, to } of result.exchanged) tell(`${from} is got as ${to}, by an alias of the settings.`)
    if (!keepsSyntax) return withoutSyntax(result.text)
    const reader = syntaxLine(result.text)?.image
    const other = reader === undefined ? undefined : aliasOf(reader, aliases)?.image
    if (other === undefined) return result.text
    tell(`${reader} is got as ${other}, by an alias of the settings.`)
    return exchangeSyntax(result.text, other)
  }
}
