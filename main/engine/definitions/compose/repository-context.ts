import type { BuildRepository } from '#contract'
import { insideRepository } from '../paths'

/** What Docker takes for a git repository and not for a file (docs.docker.com, "Git repositories"). */
const form = /^(?:git:\/\/|ssh:\/\/|github\.com\/|[\w.-]+@[\w.-]+:|https?:\/\/[^#]+\.git(?:#|$))/i

/**
 * A build context that is a git repository, as `URL#REF:FOLDER`; undefined where it is something else, or leads out of
 * the repository.
 */
export function repositoryContext(
  text: string,
): { readonly repository: BuildRepository; readonly folder: string } | undefined {
  if (!form.test(text) || /[\s\p{Cc}]/u.test(text)) return undefined
  const hash = text.indexOf('#')
  const written = hash < 0 ? text : text.slice(0, hash)
  const fragment = hash < 0 ? '' : text.slice(hash + 1)
  const colon = fragment.indexOf(':')
  const ref = colon < 0 ? fragment : fragment.slice(0, colon)
  const folder = insideRepository('.', colon < 0 ? '.' : fragment.slice(colon + 1).replace(/^\/+/, '') || '.')
  if (folder === undefined) return undefined
  const url = /^github\.com\//i.test(written) ? `https://${written}` : written
  return { repository: { url, ...(ref !== '' && { ref }) }, folder }
}
