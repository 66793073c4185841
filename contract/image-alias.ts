import { z } from 'zod'

/** The parts of names are kept apart by single `/`, none of them is empty, and none has a character that no name has. */
const nameForm = /^[A-Za-z0-9][\w.-]*(?::\d{1,5}(?=\/))?(?:\/[a-z0-9][a-z0-9._-]*)*/
const versionForm = /^(?::\w[\w.-]{0,127})?(?:@[a-z0-9]+:[0-9a-f]{32,128})?$/

/** Whether a text can be an image's name or, with `/` at its end, the beginning of some. */
export function isImageOrPrefix(text: string): boolean {
  if (text.length > 300) return false
  const whole = text.endsWith('/') ? text.slice(0, -1) : text
  // A prefix may be a registry and nothing else, with its port.
  if (text.endsWith('/') && /^[A-Za-z0-9][A-Za-z0-9.-]*:\d{1,5}$/.test(whole)) return true
  const name = nameForm.exec(whole)?.[0]
  if (name === undefined) return false
  return text.endsWith('/') ? name === whole : versionForm.test(whole.slice(name.length))
}

/** What is wrong with an alias, in a sentence; undefined: nothing. */
export function imageAliasFault(from: string, to: string): string | undefined {
  if (!isImageOrPrefix(from)) return `“${from.slice(0, 80)}” is no name of an image, and no beginning of one.`
  if (!isImageOrPrefix(to)) return `“${to.slice(0, 80)}” is no name of an image, and no beginning of one.`
  if (from.endsWith('/') && !to.endsWith('/'))
    return 'What stands for the beginning of names is a beginning too: end both with /.'
  if (!from.endsWith('/') && to.endsWith('/'))
    return 'What stands for an image is an image: name it whole, without / at the end.'
  return undefined
}

/**
 * Other names for images, by the name that is asked for or, with `/` at the end, what it begins with. A key without a
 * tag or digest stands for every tag. See {@link imageAliasFault} for what is taken.
 */
export const ImageAliases = z.record(z.string(), z.string()).superRefine((aliases, context) => {
  const entries = Object.entries(aliases)
  if (entries.length > 500) context.addIssue({ code: 'custom', message: 'More than 500 are not taken.' })
  for (const [from, to] of entries) {
    const message = imageAliasFault(from, to)
    if (message !== undefined) context.addIssue({ code: 'custom', path: [from], message })
  }
})
export type ImageAliases = z.infer<typeof ImageAliases>
