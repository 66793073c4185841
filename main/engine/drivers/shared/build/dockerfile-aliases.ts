import { aliasOf } from '../../../platform/image-aliases'
import type { Platform } from '../../../platform/platform'
import { exchangeImages, isContext } from '../dockerfile-images'
import { exchangeSyntax, syntaxLine, withoutSyntax } from './buildkit/syntax'

/** What stands behind a name of the Dockerfile. */
export interface NamedContext {
  readonly name: string
  readonly image?: string | undefined
  /** The image is one that Berth has made: no alias counts for it. */
  readonly isMade?: boolean
}

export interface DockerfileRewrite {
  /** False: the Dockerfile is read by what the engine has built in, whatever it asks for. */
  readonly keepsSyntax?: boolean
  /** Told a line for each image that is exchanged. */
  readonly tell?: (line: string) => void
  /** Names that stand for something else. Without an image, it is left to be found by its name. */
  readonly contexts?: readonly NamedContext[]
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
  {
    keepsSyntax = true,
    tell = () => undefined,
    image: named = () => undefined,
    contexts = [],
  }: DockerfileRewrite = {},
): (text: string) => string {
  return (text) => {
    const aliases = settings.get().imageAliases
    const exchange = (image: string) => {
      const context = contexts.find(({ name }) => isContext(image, name))
      if (context && (context.image === undefined || context.isMade)) return context.image
      const asked = context?.image ?? image
      const to = aliasOf(asked, aliases)?.image ?? context?.image
      named(to ?? image)
      return to
    }
    const result = exchangeImages(text, args, exchange, contexts)
    for (const { from, to } of result.exchanged)
      tell(
        contexts.some(({ name }) => isContext(from, name))
          ? `${from} is a context: ${to}.`
          : `${from} is got as ${to}, by an alias of the settings.`,
      )
    if (!keepsSyntax) return withoutSyntax(result.text)
    const reader = syntaxLine(result.text)?.image
    const other = reader === undefined ? undefined : aliasOf(reader, aliases)?.image
    if (other === undefined) return result.text
    tell(`${reader} is got as ${other}, by an alias of the settings.`)
    return exchangeSyntax(result.text, other)
  }
}
