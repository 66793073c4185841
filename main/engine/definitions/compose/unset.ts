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

/**
 * Names what has come to nothing since its variables are not set, which an env file that is not there would do as a
 * rule; false where it names none.
 */
export function ignoreUnset({ value }: Layer): boolean {
  if (!/\$[\w{]/.test(value.type === 'string' ? value.raw() : JSON.stringify(value.plain()))) return false
  value.ignore('its variables are not set, neither in your environment nor in the .env file')
  return true
}
