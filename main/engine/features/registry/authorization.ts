import { problem } from '#contract'
import type { RegistryCredentials } from '../../platform/docker-logins'
import { boundedFetch, type FetchOptions, isSafe } from './bounded-fetch'

/** What a registry wants to see, from `WWW-Authenticate` (RFC 7235; distribution's "Token authentication"). */
export interface Challenge {
  readonly scheme: 'basic' | 'bearer'
  readonly parameters: Readonly<Record<string, string>>
}

const maximumHeader = 4000
const maximumToken = 256 * 1024

/** The first challenge of a scheme that is known, Bearer before Basic; undefined where there is none. */
export function parseChallenge(header: string | null): Challenge | undefined {
  const found: Challenge[] = []
  let parameters: Record<string, string> | undefined
  for (const match of (header ?? '')
    .slice(0, maximumHeader)
    .matchAll(/([A-Za-z0-9_-]+)(?:=(?:"([^"]*)"|([^\s,"]*)))?/g)) {
    const [whole, name = '', quoted, plain] = match
    if (whole.includes('=')) {
      if (parameters) parameters[name.toLowerCase()] = quoted ?? plain ?? ''
    } else {
      parameters = undefined
      const scheme = name.toLowerCase()
      if (scheme === 'basic' || scheme === 'bearer') {
        parameters = Object.create(null) as Record<string, string>
        found.push({ scheme, parameters })
      }
    }
  }
  return found.find(({ scheme }) => scheme === 'bearer') ?? found[0]
}

/** Value of `Authorization: Basic`. */
export function basic({ username = '', password = '' }: RegistryCredentials): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`
}

/**
 * Answers a challenge: the value for `Authorization`, or undefined where it wants a login and there is none. A token
 * is asked for without a login where there is none, which is how public packages are read. Rejects with
 * `registry-auth` or `registry-unreachable`.
 */
export async function answerChallenge(
  challenge: Challenge,
  registry: string,
  scope: string,
  login: RegistryCredentials | undefined,
  options: FetchOptions,
): Promise<string | undefined> {
  if (challenge.scheme === 'basic') {
    return login?.username === undefined ? undefined : basic(login)
  }
  const { realm = '', service } = challenge.parameters
  const url = URL.canParse(realm) ? new URL(realm) : undefined
  if (!url || !isSafe(url)) {
    throw problem({
      code: 'registry-auth',
      title: `${registry} could not be logged in to`,
      cause: 'It names no https address where a token can be had.',
      remedy: 'Check the name of the registry, or ask whoever runs it.',
    })
  }
  const fields = { ...(service ? { service } : {}), scope: challenge.parameters.scope ?? scope }
  const what = `A token for ${registry}`
  const token = login?.identitytoken
  if (!token) for (const [name, value] of Object.entries(fields)) url.searchParams.set(name, value)
  const response = token
    ? await boundedFetch(
        url.href,
        {
          method: 'POST',
          headers: { 'content-type': 'application/x-www-form-urlencoded' },
          body: new URLSearchParams({
            grant_type: 'refresh_token',
            client_id: 'berth',
            refresh_token: token,
            ...fields,
          }).toString(),
          limit: maximumToken,
          what,
        },
        options,
      )
    : await boundedFetch(
        url.href,
        { headers: login ? { authorization: basic(login) } : {}, limit: maximumToken, what },
        options,
      )
  const granted = response.status === 200 ? tokenOf(response.body) : undefined
  if (granted !== undefined) return `Bearer ${granted}`
  if (response.status >= 500) {
    throw problem({
      code: 'registry-unreachable',
      title: `${what} could not be fetched`,
      cause: `${url.host} answered with status ${response.status}.`,
      remedy: 'Try again in a while.',
    })
  }
  throw registryAuth(registry, login !== undefined, `${url.host} gave no token (status ${response.status})`)
}

function tokenOf(body: Uint8Array): string | undefined {
  try {
    const answer: unknown = JSON.parse(Buffer.from(body).toString('utf8'))
    if (typeof answer !== 'object' || answer === null) return undefined
    const { token, access_token } = answer as { token?: unknown; access_token?: unknown }
    const found = token ?? access_token
    // It goes into a header.
    return typeof found === 'string' && /^[\x21-\x7e]+$/.test(found) ? found : undefined
  } catch {
    return undefined
  }
}

/** The Problem of a registry that does not let one in. */
export function registryAuth(registry: string, hasLogin: boolean, detail: string) {
  return problem({
    code: 'registry-auth',
    title: `${registry} does not let Berth in`,
    cause: hasLogin
      ? 'It does not take the login that Docker has for it on this machine, or that login may not read this.'
      : 'What is asked for is not public, or does not exist, and Docker has no login for it on this machine.',
    remedy: `Check the reference, or run "docker login ${registry}" and try again.`,
    detail,
  })
}
