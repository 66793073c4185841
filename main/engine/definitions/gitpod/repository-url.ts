import type { AdditionalRepository } from '#contract'
import type { Value } from '../document/value'

const example = 'Write, for example, "url: https://github.com/owner/repository".'

/**
 * The address of a repository, or of a page of a forge that leads to one ("context URL"). Credentials in it are
 * dropped: a definition is stored in clear.
 */
export function readRepositoryUrl(
  value: Value,
): Pick<AdditionalRepository, 'url' | 'ref'> & { readonly name: string } {
  const text = value.text(example).trim()
  const mistake = () => value.mustBe('the address of a git repository', example)
  if (text.length > 2000 || /[\s\p{Cc}]/u.test(text)) throw mistake()
  const short = /^(?:[\w.+-]+@)?[A-Za-z0-9][\w.-]*:(?!\/\/|:)[^-]\S*$/.exec(text)
  if (short) return { url: text, name: nameOf(text, mistake) }
  if (!/^(?:https?|ssh|git):\/\//i.test(text)) throw mistake()
  const url = parse(text, mistake)
  if (url.password !== '' || (url.username !== '' && url.protocol !== 'ssh:')) {
    url.password = ''
    if (url.protocol !== 'ssh:') url.username = ''
    value.ignore('the name and password in it are not used: git has its own ways to log in')
  }
  const hash = decode(url.hash.slice(1))
  url.hash = ''
  const page =
    /^(\/[^/]+\/[^/]+(?:\/[^/]+)*?)\/(?:-\/)?(tree|commit|commits|blob|pull|issues|merge_requests)\/(.+)$/.exec(
      url.pathname,
    )
  let ref = hash
  if (page) {
    const [, repository = '', kind = '', rest = ''] = page
    url.pathname = repository
    url.search = ''
    if (kind === 'tree' || kind.startsWith('commit')) ref ||= decode(rest.replace(/\/+$/, ''))
    else value.ignore('its page leads to no branch or commit: the repository is cloned as it is by itself')
  }
  const address = url.href.replace(/\/+$/, '')
  // Git would take it for an option.
  if (ref.startsWith('-') || /[\s\p{Cc}]/u.test(ref)) throw mistake()
  return { url: address, name: nameOf(url.pathname, mistake), ...(ref === '' ? {} : { ref }) }
}

function parse(text: string, mistake: () => Error): URL {
  let url: URL
  try {
    url = new URL(text)
  } catch {
    throw mistake()
  }
  if (url.hostname === '' || url.hostname.startsWith('-') || url.username.startsWith('-')) throw mistake()
  return url
}

/** The repository's own name, with what a path cannot safely have replaced. */
function nameOf(path: string, mistake: () => Error): string {
  const last = decode(path.replace(/\/+$/, '').split(/[/:]/).at(-1) ?? '').replace(/\.git$/, '')
  const name = last.replace(/[^\w.-]+/g, '-').replace(/^[-.]+/, '')
  if (name === '') throw mistake()
  return name.slice(0, 100)
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    // A stray percent sign: taken as it is.
    return text
  }
}
