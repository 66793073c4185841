/** Longest wait for the whole of a text, milliseconds. */
const defaultTimeout = 15_000

export interface FetchOptions {
  readonly signal?: AbortSignal
  /** Milliseconds. */
  readonly timeout?: number
}

/**
 * The text at an `http(s)` address, UTF-8, of at most `limit` bytes. Redirects are followed to such addresses alone;
 * no cookies and no passwords are sent. Rejects with an Error that says in a sentence why not, or as `signal` says.
 */
export async function fetchText(
  address: string,
  limit: number,
  { signal: cancel, timeout = defaultTimeout }: FetchOptions = {},
): Promise<string> {
  if (!URL.canParse(address) || !/^https?:$/.test(new URL(address).protocol)) {
    throw new Error('only http and https addresses are fetched')
  }
  const timer = AbortSignal.timeout(timeout)
  const signal = cancel ? AbortSignal.any([timer, cancel]) : timer
  try {
    const response = await fetch(address, {
      signal,
      credentials: 'omit',
      headers: { accept: 'application/yaml, text/plain, */*' },
    })
    if (!response.ok) {
      await response.body?.cancel()
      throw new Error(`the server answered ${`${response.status} ${response.statusText}`.trim()}`)
    }
    return await readText(response, limit)
  } catch (error) {
    cancel?.throwIfAborted()
    if (timer.aborted) throw new Error(`nothing came within ${timeout / 1000} s`, { cause: error })
    throw new Error(reasonOf(error), { cause: error })
  }
}

async function readText(response: Response, limit: number): Promise<string> {
  const parts: Uint8Array[] = []
  let length = 0
  for await (const part of response.body ?? []) {
    length += part.length
    if (length > limit) throw new Error(`it is longer than ${limit} bytes`)
    parts.push(part)
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(parts))
  } catch {
    throw new Error('it is not UTF-8 text')
  }
}

/** `fetch failed` says nothing: what failed underneath is in its cause. */
export function reasonOf(error: unknown): string {
  let innermost: unknown = error
  while (innermost instanceof Error && innermost.cause instanceof Error) innermost = innermost.cause
  if (!(innermost instanceof Error)) return String(error)
  return innermost.message || ('code' in innermost ? String(innermost.code) : innermost.name)
}
