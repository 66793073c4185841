import { GitOrigin } from '#contract'

/** What git wants of a credential helper, checked. */
export interface GitRequest {
  readonly protocol: 'https' | 'http'
  /** Host and port, in lower case. */
  readonly host: string
  readonly path?: string
  readonly username?: string
  readonly password?: string
}

/** Longest value that is taken, in characters; a password may be a token of some size. */
const LONGEST = { path: 1_024, username: 256, password: 8_192 } as const
/** What may be in a value: nothing that ends a line, and nothing that is not text. */
const PLAIN = /^[^\p{Cc}\p{Cs}]*$/u

/**
 * Reads what git says (gitcredentials(7), git-credential(1) "INPUT/OUTPUT FORMAT"). Undefined where it is none, or names a
 * server that cannot be asked about: what is not understood is not guessed at. What else it says is left out.
 */
export function parseGitRequest(text: Buffer): GitRequest | undefined {
  let lines: string[]
  try {
    lines = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(text).split('\n')
  } catch {
    return undefined
  }
  const fields = new Map<string, string>()
  for (const line of lines) {
    // A blank line ends it.
    if (line === '') break
    const equals = line.indexOf('=')
    if (equals < 1) return undefined
    const key = line.slice(0, equals)
    // Twice the same would leave it to the reader which one was meant.
    if (fields.has(key) && !key.endsWith('[]')) return undefined
    fields.set(key, line.slice(equals + 1))
  }
  const protocol = fields.get('protocol')
  const host = fields.get('host')?.toLowerCase()
  if (protocol !== 'https' && protocol !== 'http') return undefined
  if (host === undefined || !GitOrigin.safeParse(`${protocol}://${host}`).success) return undefined
  const optional: { path?: string; username?: string; password?: string } = {}
  for (const key of ['path', 'username', 'password'] as const) {
    const value = fields.get(key)
    if (value === undefined) continue
    if (value.length > LONGEST[key] || !PLAIN.test(value)) return undefined
    optional[key] = value
  }
  return { protocol, host, ...optional }
}

/** As the user is asked about it, and it is remembered. */
export const originOf = ({ host, protocol }: Pick<GitRequest, 'protocol' | 'host'>): string =>
  `${protocol}://${host}`

/** For `git credential`. */
export function formatGitRequest(request: GitRequest): string {
  const lines = (['protocol', 'host', 'path', 'username', 'password'] as const).flatMap((key) => {
    const value = request[key]
    return value === undefined ? [] : [`${key}=${value}\n`]
  })
  return `${lines.join('')}\n`
}

/** A user name and a password as `git credential fill` answers, and when they expire; undefined where it does not. */
export function parseGitAnswer(
  text: string,
): { readonly username: string; readonly password: string; readonly expiry?: string } | undefined {
  const fields = new Map<string, string>()
  for (const line of text.split('\n')) {
    const equals = line.indexOf('=')
    if (equals > 0) fields.set(line.slice(0, equals), line.slice(equals + 1).replace(/\r$/, ''))
  }
  const [username, password] = [fields.get('username'), fields.get('password')]
  if (username === undefined || password === undefined) return undefined
  const expiry = fields.get('password_expiry_utc')
  return { username, password, ...(expiry !== undefined && /^\d{1,12}$/.test(expiry) && { expiry }) }
}
