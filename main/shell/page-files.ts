import { readFile, realpath } from 'node:fs/promises'
import { extname, join, sep } from 'node:path'
import { WINDOW_ORIGIN } from '#contract/channels'
import { responseHeaders } from './content-policy'

/**
 * Answers requests for `app://berth/…` from one folder. Whatever a path says, only real files inside that folder are
 * served: links are followed first and then compared.
 */
export function servePageFiles(folder: string): (request: Request) => Promise<Response> {
  const root = realpath(folder)
  return async (request) => {
    if (request.method !== 'GET' && request.method !== 'HEAD') return refuse(405)
    const path = pathOf(request.url)
    if (path === undefined) return refuse(400)
    try {
      const inside = await root
      const file = await realpath(join(inside, path === '/' ? 'index.html' : path))
      if (!file.startsWith(inside + sep)) return refuse(403)
      const body = await readFile(file)
      return new Response(request.method === 'HEAD' ? null : new Uint8Array(body), {
        headers: responseHeaders(extname(file)),
      })
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code
      if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'EISDIR' || code === 'ENAMETOOLONG')
        return refuse(404)
      throw error
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

function refuse(status: number): Response {
  return new Response(null, { status, headers: responseHeaders('') })
}
