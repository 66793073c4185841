import { problem } from '#contract/problem'

/**
 * The address as it may be given to the system's browser. Anything but http and https is refused: other schemes
 * start programs. Throws a Problem.
 */
export function externalUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url?.protocol !== 'http:' && url?.protocol !== 'https:')
    throw problem({
      code: 'invalid-input',
      title: 'The address was not opened',
      cause: 'Berth opens only http and https addresses.',
      remedy: 'Copy it, and open it with the program that it is for.',
      detail: text.slice(0, 200),
    })
  return url.href
}
