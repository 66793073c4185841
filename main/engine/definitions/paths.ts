import { posix } from 'node:path'

/** No system opens longer ones, and to make them plain would take long. */
export const longestPath = 4096

/**
 * Joins a path of the repository with one that a file in it names. Undefined when the result lies outside of the
 * repository, is absolute, or is no path at all. `.` is the root.
 */
export function insideRepository(folder: string, path: string): string | undefined {
  if (path === '' || path.length > longestPath || path.includes('\0') || /^(?:[/\\]|[A-Za-z]:)/.test(path))
    return undefined
  const joined = posix.normalize(posix.join(folder, path.replaceAll('\\', '/')))
  if (joined === '..' || joined.startsWith('../')) return undefined
  const trimmed = joined.length > 1 && joined.endsWith('/') ? joined.slice(0, -1) : joined
  return trimmed === './' ? '.' : trimmed
}

/**
 * As {@link insideRepository}, of a path that may also begin with the variable of the source's folder: then it is
 * relative to the repository's root. `raw` is as it is written, `text` with its variables filled in.
 */
export function insideSource(folder: string, raw: string, text: string): string | undefined {
  const rest = /^\$\{localWorkspaceFolder\}(?:[/\\]+(.*))?$/s.exec(raw.trim())
  return rest ? insideRepository('.', rest[1] || '.') : insideRepository(folder, text)
}

/** An absolute path inside a container, normalised and without a slash at its end; undefined when it is not one. */
export function containerPath(path: string): string | undefined {
  if (!path.startsWith('/') || path.length > longestPath || path.includes('\0') || path.includes('\n'))
    return undefined
  const normal = posix.normalize(path).replace(/^\/\/+/, '/')
  return normal.length > 1 && normal.endsWith('/') ? normal.slice(0, -1) : normal
}

/** The path within a folder that holds it or is it, `.` for itself; undefined where it lies elsewhere. Of any system. */
export function withinFolder(path: string, folder: string): string | undefined {
  const plain = (text: string) => posix.normalize(text.replaceAll('\\', '/')).replace(/(?<=.)\/$/, '')
  const [inner, outer] = [plain(path), plain(folder)]
  if (inner === outer) return '.'
  return inner.startsWith(`${outer}/`) ? inner.slice(outer.length + 1) : undefined
}
