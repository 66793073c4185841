import { createWriteStream } from 'node:fs'
import { pipeline } from 'node:stream/promises'
import { reasonOf } from './fetch-text'

export interface FetchFileOptions {
  readonly signal: AbortSignal
  /** Milliseconds without a byte after which the other side counts as dead. */
  readonly patience?: number
  /** Told how many bytes there are by now. */
  readonly onBytes?: (bytes: number) => void
}

/**
 * Puts what is at an `http(s)` address into a new file, at most `limit` bytes. No cookies and no passwords are sent.
 * Rejects with an Error that says in a sentence why not, or as `signal` says; part of the file may be there then.
 */
export async function fetchFile(
  address: string,
  file: string,
  limit: number,
  { signal, patience = 30_000, onBytes }: FetchFileOptions,
): Promise<void> {
  const silent = new AbortController()
  let timer = setTimeout(() => silent.abort(), patience)
  const heard = () => {
    clearTimeout(timer)
    timer = setTimeout(() => silent.abort(), patience)
  }
  const either = AbortSignal.any([signal, silent.signal])
  try {
    const response = await fetch(address, { signal: either, credentials: 'omit' })
    if (!response.ok) {
      await response.body?.cancel()
      throw new Error(`the server answered ${`${response.status} ${response.statusText}`.trim()}`)
    }
    let length = 0
    async function* bounded() {
      for await (const part of response.body ?? []) {
        heard()
        length += part.length
        if (length > limit) throw new Error(`it is larger than ${Math.floor(limit / 1024 / 1024)} MiB`)
        onBytes?.(length)
        yield part
      }
    }
    await pipeline(bounded, createWriteStream(file, { flags: 'wx' }), { signal: either })
  } catch (error) {
    signal.throwIfAborted()
    if (silent.signal.aborted) throw new Error(`nothing came for ${patience / 1000} s`, { cause: error })
    throw new Error(reasonOf(error), { cause: error })
  } finally {
    clearTimeout(timer)
  }
}
