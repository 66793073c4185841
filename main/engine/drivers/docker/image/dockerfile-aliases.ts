import { aliasOf } from '../../../platform/image-aliases'
import type { Platform } from '../../../platform/platform'
import { exchangeImages } from '../../shared/dockerfile-images'

/**
 * Exchanges the images that a Dockerfile names for those that the settings give instead. `args` are those that the
 * build gets; `tell` is told a line for each image.
 */
export function dockerfileAliases(
  args: Readonly<Record<string, string>>,
  { settings }: Platform,
  tell: (line: string) => void = () => undefined,
): (text: string) => string {
  return (text) => {
    const aliases = settings.get().imageAliases
    if (Object.keys(aliases).length === 0) return text
    const result = exchangeImages(text, args, (image) => aliasOf(image, aliases)?.image)
    for (const { from, to } of result.exchanged) tell(`${from} is got as ${to}, by an alias of the settings.`)
    return result.text
  }
}
