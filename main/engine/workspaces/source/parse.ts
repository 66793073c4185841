import { statSync } from 'node:fs'
import { isAbsolute, join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { problem, type Source } from '#contract'
import { checkBranch, checkImage, isCommit } from './checks'

const schemes = ['https', 'http', 'ssh', 'git', 'file']
/** Hosts whose addresses people type without a scheme; any other `host/path` is taken for an image. */
const forges = ['github.com', 'gitlab.com', 'bitbucket.org', 'codeberg.org', 'git.sr.ht', 'dev.azure.com']

export interface ParseOptions {
  /** As `--branch` gives it. */
  readonly branch?: string
  readonly home: string
  /** What relative paths are relative to. */
  readonly cwd: string
}

type GitSource = Extract<Source, { kind: 'git' }>

/** What was typed, as far as it can be read without asking anybody. */
export interface Typed {
  readonly source: Source
  /**
   * Of a forge's page that may lead to a folder or file: a branch or tag and what is below it, which only the server
   * can tell apart. `source` has its best guess.
   */
  readonly page?: string
  /** What it leads to below the repository's root, where that is certain. */
  readonly below?: string
}

function invalid(text: string, cause: string, remedy: string) {
  const shown = text.length > 100 ? `${text.slice(0, 100)}…` : text
  return problem({ code: 'invalid-input', title: `“${shown}” cannot be opened`, cause, remedy })
}

/**
 * Reads what people type: a git URL (`#branch`, `@commit`, or a page of a forge such as `/tree/<branch>`), a folder,
 * or an image's name. Credentials in a URL are dropped: they must not be stored on the target, and git has its
 * credential helpers. Throws `invalid-input` or `folder-not-found`.
 */
export function parseTyped(typed: string, options: ParseOptions): Typed {
  const text = typed.trim()
  if (text === '') throw invalid(text, 'Nothing was given.', 'Give a git URL, a folder or an image.')
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
  if (/[\u0000-\u001f\u007f]/.test(text)) {
    throw invalid(text.replace(/[^ -~]/g, '?'), 'It holds control characters.', 'Type it without them.')
  }
  if (text.startsWith('-')) {
    throw invalid(
      text,
      'It begins with a hyphen, as an option does.',
      'Give a git URL, a folder or an image.',
    )
  }
  const found = read(text, options)
  const { branch } = options
  if (branch && found.source.kind === 'git' && found.page?.startsWith(`${branch}/`)) {
    const ref = { kind: 'branch', name: checkBranch(branch) } as const
    return { source: { ...found.source, ref }, below: found.page.slice(branch.length + 1) }
  }
  const source = withBranch(found.source, branch)
  return found.page === undefined ? { source } : { source, page: found.page }
}

function withBranch(source: Source, branch: string | undefined): Source {
  if (branch === undefined || branch === '') return source
  if (source.kind !== 'git') {
    throw problem({
      code: 'invalid-input',
      title: 'A branch can be chosen for a git URL only',
      cause: source.kind === 'folder' ? 'A folder is used as it is.' : 'An image has no branches.',
      remedy: 'Leave the branch out, or give the URL of the repository.',
    })
  }
  const given = source.ref?.kind === 'branch' ? source.ref.name : source.ref?.id
  if (given !== undefined && given !== branch) {
    throw problem({
      code: 'invalid-input',
      title: 'Two branches are asked for',
      cause: `The URL says “${given}” and the option says “${branch}”.`,
      remedy: 'Give one of them.',
    })
  }
  return { ...source, ref: source.ref ?? { kind: 'branch', name: checkBranch(branch) } }
}

function read(text: string, options: ParseOptions): Typed {
  const url = parseUrl(text)
  if (url) return url
  const source = parseShortSsh(text)
  return source ? { source } : (parseForge(text) ?? { source: parseLocal(text, options) })
}

type TypedUrl = Typed & { readonly source: GitSource }

/** `scheme://…`, or the `transport::address` form of git, which is refused: it runs programs. */
function parseUrl(text: string): TypedUrl | undefined {
  if (/^[A-Za-z][A-Za-z0-9+.-]*::/.test(text)) {
    throw invalid(text, 'Git’s “transport::address” form can run programs.', `Use ${schemes.join(', ')}.`)
  }
  const scheme = /^([A-Za-z][A-Za-z0-9+.-]*):\/\//.exec(text)?.[1]?.toLowerCase()
  if (scheme === undefined) return undefined
  if (!schemes.includes(scheme)) {
    throw invalid(text, `“${scheme}:” is not supported.`, `Use ${schemes.join(', ')}.`)
  }
  const { address, ref } = splitRef(text)
  if (/\s/.test(address)) throw invalid(address, 'A URL has no spaces.', 'Write a space as %20.')
  let url: URL
  try {
    url = new URL(address)
  } catch {
    throw invalid(address, 'It is not a URL.', 'Write, for example, https://github.com/owner/repository.')
  }
  url.hash = ''
  url.password = ''
  // A user name belongs to ssh; for the others it may itself be a token.
  if (scheme !== 'ssh') url.username = ''
  if (scheme !== 'file' && (url.hostname === '' || url.hostname.startsWith('-'))) {
    throw invalid(address, 'It names no host.', 'Write, for example, https://github.com/owner/repository.')
  }
  if (url.username.startsWith('-'))
    throw invalid(address, 'It names no user.', 'Check the part before the @.')
  if (url.pathname === '' || url.pathname === '/') {
    throw invalid(address, 'It names a host but no repository.', 'Add the repository’s path.')
  }
  return readPage(url, ref)
}

/** Pages that browsers show: GitHub and the like, GitLab (`/-/`), Gitea and Bitbucket (`/src/`). */
function readPage(url: URL, ref: GitSource['ref']): TypedUrl {
  const page =
    url.protocol === 'http:' || url.protocol === 'https:'
      ? /^(\/.+?\/.+?)\/(?:-\/)?(tree|blob|commit|commits|pull|merge_requests|src\/branch|src\/commit)\/(.+?)\/?$/.exec(
          url.pathname,
        )
      : null
  if (!page) return { source: { kind: 'git', url: trimSlash(url.href), ...(ref ? { ref } : {}) } }
  const [, repository = '', kind = '', rest = ''] = page
  if (kind === 'pull' || kind === 'merge_requests') {
    throw invalid(url.href, 'It is the page of a change request.', 'Give the URL of its branch.')
  }
  url.pathname = repository.replace(/\/-$/, '')
  url.search = ''
  const name = decodeURIComponent(rest)
  const first = name.split('/')[0] ?? name
  const commit = kind.endsWith('commit') || kind === 'commits' || /^[0-9a-f]{40}$/.test(first)
  const found: GitSource['ref'] =
    commit && isCommit(first)
      ? { kind: 'commit', id: first }
      : { kind: 'branch', name: checkBranch(kind === 'blob' ? first : name) }
  const source: GitSource = { kind: 'git', url: trimSlash(url.href), ref: ref ?? found }
  return ref === undefined && found.kind === 'branch' && name.includes('/')
    ? { source, page: name }
    : { source }
}

/** `user@host:path`, and `host:path/…` where it cannot be an image. */
function parseShortSsh(text: string): GitSource | undefined {
  const { address, ref } = splitRef(text)
  const match = /^(?:([\w.+-]+)@)?([A-Za-z0-9][\w.-]*):(?!\/\/)(\S+)$/.exec(address)
  if (!match) return undefined
  const [, user, host = '', path = ''] = match
  if (user === undefined) {
    // `node:20`, `registry:5000/app` are images, `C:\x` is a folder.
    const looksLikePath = path.endsWith('.git') || (path.includes('/') && !/^\d+\//.test(path))
    if (!looksLikePath || host.length === 1) return undefined
  } else if (user.startsWith('-')) throw invalid(text, 'It names no user.', 'Check the part before the @.')
  if (path.startsWith('-'))
    throw invalid(text, 'The path begins with a hyphen.', 'Check the part after the colon.')
  return { kind: 'git', url: trimSlash(address), ...(ref ? { ref } : {}) }
}

function parseForge(text: string): TypedUrl | undefined {
  const host = /^([\w.-]+)\/[^/]+/.exec(text)?.[1]?.toLowerCase()
  if (host === undefined) return undefined
  const withGit = /^[\w-]+(?:\.[\w-]+)+\/.+\.git(?:[#@]|$)/.test(text)
  return forges.includes(host) || withGit ? parseUrl(`https://${text}`) : undefined
}

/** Takes `#branch` or `@commit` off the end of an address. */
function splitRef(text: string): { address: string; ref?: GitSource['ref'] } {
  const hash = text.indexOf('#')
  if (hash >= 0) {
    const name = text.slice(hash + 1)
    const address = text.slice(0, hash)
    if (name === '') return { address }
    if (/^[0-9a-f]{40}$/.test(name)) return { address, ref: { kind: 'commit', id: name } }
    return { address, ref: { kind: 'branch', name: checkBranch(name) } }
  }
  const commit = /^(.+[^/:])@([0-9a-f]{7,40})$/i.exec(text)
  // The @ must come after the path began, or it is the one of user@host.
  if (commit?.[1] && commit[2] && /[/:]/.test(commit[1].replace(/^[a-z+]+:\/\//i, ''))) {
    return { address: commit[1], ref: { kind: 'commit', id: commit[2].toLowerCase() } }
  }
  return { address: text }
}

function trimSlash(url: string): string {
  return url.replace(/\/+$/, '')
}

function parseLocal(text: string, options: ParseOptions): Source {
  const home = text === '~' || text.startsWith('~/') ? join(options.home, text.slice(1)) : undefined
  const path = home ?? (isAbsolute(text) ? resolve(text) : resolve(options.cwd, text))
  const written = home !== undefined || isAbsolute(text) || /^\.{1,2}(?:[/\\]|$)/.test(text)
  const kind = fileKind(path)
  if (kind === 'folder') {
    return isBareRepository(path) ? { kind: 'git', url: pathToFileURL(path).href } : { kind: 'folder', path }
  }
  if (written) {
    throw problem({
      code: 'folder-not-found',
      title: `There is no folder ${path}`,
      cause: kind === 'file' ? 'It is a file.' : 'Nothing has this name.',
      remedy: 'Check how it is spelt.',
    })
  }
  return { kind: 'image', image: checkImage(text) }
}

function fileKind(path: string): 'folder' | 'file' | undefined {
  const found = statSync(path, { throwIfNoEntry: false })
  return found && (found.isDirectory() ? 'folder' : 'file')
}

function isBareRepository(path: string): boolean {
  return (
    fileKind(join(path, '.git')) === undefined &&
    fileKind(join(path, 'HEAD')) === 'file' &&
    fileKind(join(path, 'objects')) === 'folder' &&
    fileKind(join(path, 'refs')) === 'folder'
  )
}

/** Puts a source that came over the contract through the same checks as one that was typed. */
export function checkSource(source: Source, options: ParseOptions): Source {
  switch (source.kind) {
    case 'image':
      return { kind: 'image', image: checkImage(source.image) }
    case 'folder':
      return parseLocal(isAbsolute(source.path) ? source.path : `./${source.path}`, options)
    case 'git': {
      const parsed = parseUrl(source.url)?.source ?? parseShortSsh(source.url)
      if (!parsed)
        throw invalid(source.url, 'It is not the URL of a git repository.', `Use ${schemes.join(', ')}.`)
      const ref = source.ref ?? parsed.ref
      if (ref?.kind === 'branch') checkBranch(ref.name)
      if (ref?.kind === 'commit' && !isCommit(ref.id)) {
        throw invalid(ref.id, 'A commit is 7 to 40 hexadecimal digits.', 'Check the commit.')
      }
      return { kind: 'git', url: parsed.url, ...(ref ? { ref } : {}) }
    }
  }
}
