import { cancelled, type ProblemError, problem } from '#contract'
import { isLoopback } from '../../definitions/index'

/** The part of the global `fetch` that is needed. */
export type Fetch = (url: string, init: RequestInit) => Promise<Response>

export interface FetchOptions {
  readonly fetch: Fetch
  readonly signal: AbortSignal
  /** Milliseconds without a byte after which the other side counts as dead. */
  readonly patience: number
}

export interface BoundedRequest {
  readonly method?: 'GET' | 'POST' | 'HEAD' | 'DELETE'
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
  /** The most bytes that the answer may have. */
  readonly limit: number
  /** What is fetched, for messages: begins with a capital letter. */
  readonly what: string
}

export interface BoundedResponse {
  readonly status: number
  readonly headers: Headers
  readonly body: Uint8Array
}

const maximumRedirects = 5

/**
 * Fetches something small over a network that is not trusted: bounded in size, silence and redirects, which lead to
 * no unencrypted place but this machine and take no credentials to another server. Rejects with
 * `registry-unreachable`, `feature-invalid` (too large) or `cancelled`; every status is a result.
 */
export async function boundedFetch(
  address: string,
  request: BoundedRequest,
  options: FetchOptions,
): Promise<BoundedResponse> {
  let url = new URL(address)
  let headers: Record<string, string> = {
    // The digest is that of the bytes as they are stored: nothing may be compressed on the way.
    'accept-encoding': 'identity',
    ...request.headers,
  }
  for (let redirects = 0; ; redirects++) {
    const answer = await fetchOnce(url, headers, request, options)
    const location = answer.headers.get('location')
    if (![301, 302, 303, 307, 308].includes(answer.status) || location === null) return answer
    if (redirects === maximumRedirects) {
      throw unreachable(request.what, url, `It was sent on more than ${maximumRedirects} times.`)
    }
    const next = URL.canParse(location, url.href) ? new URL(location, url.href) : undefined
    if (!next || !isSafe(next) || (isLoopback(next.hostname) && !isLoopback(url.hostname))) {
      throw unreachable(
        request.what,
        url,
        `${url.host} sends on to a place that Berth does not follow: neither https nor the same machine.`,
      )
    }
    if (next.origin !== url.origin) {
      headers = Object.fromEntries(
        Object.entries(headers).filter(([name]) => !/^(?:authorization|cookie)$/i.test(name)),
      )
    }
    url = next
  }
}

/** Whether what is said to an address stays between the two ends. */
export function isSafe(url: URL): boolean {
  return url.protocol === 'https:' || (url.protocol === 'http:' && isLoopback(url.hostname))
}

async function fetchOnce(
  url: URL,
  headers: Readonly<Record<string, string>>,
  request: BoundedRequest,
  { fetch, signal, patience }: FetchOptions,
): Promise<BoundedResponse> {
  if (signal.aborted) throw cancelled(`Fetching ${request.what}`)
  const silence = new AbortController()
  let timer = setTimeout(() => silence.abort(), patience)
  const heard = () => {
    clearTimeout(timer)
    timer = setTimeout(() => silence.abort(), patience)
  }
  try {
    const response = await fetch(url.href, {
      method: request.method ?? 'GET',
      headers: { ...headers },
      ...(request.body === undefined ? {} : { body: request.body }),
      redirect: 'manual',
      signal: AbortSignal.any([signal, silence.signal]),
    })
    const chunks: Uint8Array[] = []
    let length = 0
    // A stream that is left early is cancelled, and its connection with it.
    for await (const chunk of (response.body ?? []) as AsyncIterable<Uint8Array>) {
      heard()
      length += chunk.length
      if (length > request.limit) throw tooLarge(request, url)
      chunks.push(chunk)
    }
    return { status: response.status, headers: response.headers, body: Buffer.concat(chunks) }
  } catch (error) {
    if (signal.aborted) throw cancelled(`Fetching ${request.what}`)
    if (error instanceof Error && error.name === 'ProblemError') throw error
    throw silence.signal.aborted
      ? unreachable(request.what, url, `${url.host} was silent for ${Math.round(patience / 1000)} s.`, error)
      : unreachable(request.what, url, `The connection to ${url.host} failed: ${reasonOf(error)}.`, error)
  } finally {
    clearTimeout(timer)
  }
}

function tooLarge({ what, limit }: BoundedRequest, url: URL): ProblemError {
  return problem({
    code: 'feature-invalid',
    title: `${what} is too large`,
    cause: `${url.host} sends more than ${limit} bytes, and Berth takes no more.`,
    remedy: 'Check that the reference is that of a Feature, and not of an image or another file.',
  })
}

function unreachable(what: string, url: URL, cause: string, error?: unknown): ProblemError {
  return problem(
    {
      code: 'registry-unreachable',
      title: `${what} could not be fetched`,
      cause,
      remedy: `Check the network and that ${url.host} can be reached from this machine, and try again.`,
      ...(error instanceof Error ? { detail: `${error.message}: ${reasonOf(error)}` } : {}),
    },
    error,
  )
}

/** The innermost reason of what fetch rejects with, whose own message is always "fetch failed". */
function reasonOf(error: unknown): string {
  let innermost = error
  for (let depth = 0; depth < 5 && innermost instanceof Error && innermost.cause; depth++) {
    innermost = innermost.cause
  }
  if (!(innermost instanceof Error)) return String(innermost)
  const { code } = innermost as NodeJS.ErrnoException
  return innermost.message || code || innermost.name
}
