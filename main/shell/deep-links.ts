import type { WindowCommand } from '#contract'

/** Scheme of links that open Berth. */
export const LINK_SCHEME = 'berth'
/** Longer links are not read; the same bound as for what a person may type. */
const MAX_LENGTH = 4096

/**
 * What a `berth://open?url=<git URL>` link asks for: the page for a new workspace with the URL filled in. Any
 * website can make such a link, so it never starts anything: the user sees it and decides. Undefined for whatever is
 * not such a link.
 */
export function readDeepLink(link: string): WindowCommand | undefined {
  if (link.length > MAX_LENGTH || !URL.canParse(link)) return undefined
  const url = new URL(link)
  if (url.protocol !== `${LINK_SCHEME}:` || url.host !== 'open') return undefined
  const source = url.searchParams.get('url')?.trim()
  if (!source || hasControlCharacters(source)) return undefined
  return { command: 'new-workspace', source }
}

/** The link among the arguments that a second start was given, if there is one. */
export function findDeepLink(args: readonly string[]): string | undefined {
  return args.find((argument) => argument.startsWith(`${LINK_SCHEME}://`))
}

/** They could make an address look like another one. */
function hasControlCharacters(text: string): boolean {
  return /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u.test(text)
}
