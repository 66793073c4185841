import { exchangeImages } from './dockerfile-images'
import { instructionsOf } from './dockerfile-instructions'

/** Images that a Dockerfile starts from or copies from, variables filled in where they are known, each once. */
export function imagesOf(text: string, args: Readonly<Record<string, string>>): string[] {
  const images = new Set<string>()
  exchangeImages(text, args, (image) => {
    images.add(image)
    return undefined
  })
  return [...images]
}

/**
 * Files and folders of its context that a Dockerfile takes, as prefixes of paths without a slash at either end; the
 * empty one stands for all of it. What is not known for sure takes all: variables, mounts, lists in JSON.
 */
export function contextFilesOf(text: string): string[] {
  const files = new Set<string>()
  for (const { name, words } of instructionsOf(text)) {
    const flags = words.filter(({ text: word }) => word.startsWith('--')).map(({ text: word }) => word)
    if (name === 'RUN' && flags.some((flag) => /^--mount=(?:(?!.*type=)|.*type=bind)(?!.*from=)/.test(flag)))
      files.add('')
    if (name !== 'COPY' && name !== 'ADD') continue
    if (flags.some((flag) => flag.startsWith('--from='))) continue
    const paths = words.map(({ text: word }) => word).filter((word) => !word.startsWith('--'))
    for (const path of paths.slice(0, -1)) {
      if (/^<</.test(path) || (name === 'ADD' && /^(?:https?:\/\/|git@)/i.test(path))) continue
      files.add(prefixOf(path))
    }
    // A list in JSON without spaces is one word.
    if (paths.length < 2) files.add('')
  }
  return [...files]
}

function prefixOf(path: string): string {
  if (/[$"'\\]|^\[|\.\./.test(path)) return ''
  const parts = path.split('/').filter((part) => part !== '' && part !== '.')
  const pattern = parts.findIndex((part) => /[*?[]/.test(part))
  return (pattern < 0 ? parts : parts.slice(0, pattern)).join('/')
}
