import { readFile, realpath } from 'node:fs/promises'
import { extname, join, sep } from 'node:path'
import { WINDOW_ORIGIN } from '#contract/channels'
import { responseHeaders } from './content-policy'

/** What a request for a file of the page comes to. */
export interface PageFile {
  /** Of HTTP. */
  readonly status: number
  readonly headers: Record<string, string>
  /** Empty unless the status is 200. */
  readonly body: Buffer
}

/**
 * Answers requests for `app://berth/…` from one folder. Whatever a path says, only real files inside that folder are
 * served: links are followed first and then compared. Never rejects.
 */
export function servePageFiles(folder: string): (method: string, url: string) => Promise<PageFile> {
  const root = realpath(folder)
  return async (method, url) => {
    if (method !== 'GET' && method !== 'HEAD') return refuse(405)
    const path = pathOf(url)
    if (path === undefined) return refuse(400)
    try {
      const inside = await root
      const file = await realpath(join(inside, path === '/' ? 'index.html' : path))
      if (!file.startsWith(inside + sep)) return refuse(403)
      const body = await readFile(file)
      const headers = responseHeaders(extname(file))
      return { status: 200, headers, body: method === 'HEAD' ? Buffer.alloc(0) : body }
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code
      const missing = code === 'ENOENT' || code === 'ENOTDIR' || code === 'EISDIR' || code === 'ENAMETOOLONG'
      return refuse(missing ? 404 : 500)
    }
  }
}

/** The decoded path of a URL of ours; undefined for any other URL and for paths that no file can have. */
function pathOf(url: string): string | undefined {
  if (!url.startsWith(`${WINDOW_ORIGIN}/`)) return undefined
  try {
    const path = decodeURIComponent(new URL(url).pathname)
    return path.includes('\0') || path.includes('\\') ? undefined : path
  } catch {
    // Not a URL, or an escape that is no UTF-8.
    return undefined
  }
}

function refuse(status: number): PageFile {
  return { status, headers: responseHeaders(''), body: Buffer.alloc(0) }
}
