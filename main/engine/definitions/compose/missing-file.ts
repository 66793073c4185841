import { shorten } from '../document/value'
import type { Layer } from './layer'

/**
 * Names an env file that is not there. Such a file is as a rule left out of the repository, with an example of it
 * beside, and made by whoever works there: without its variables there is a workspace in which to do that. `path`: of
 * the repository.
 */
export function noteMissing(named: Layer, path: string): void {
  named.value.ignore(
    `there is no ${shorten(path, 200)} in the source, and its variables are not set; add the file and rebuild the workspace`,
  )
}
