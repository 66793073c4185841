import type { Value } from './document/value'

const named = /^[A-Za-z0-9][\w-]*\.[\w-][\w.-]*$/

/**
 * One of a list of extensions of VS Code: `publisher.name`, or undefined where it is something else. `-publisher.name`
 * is one that is not wanted, where that can be said. Throws `definition-invalid`.
 */
export function readExtension(item: Value, mayBeUnwanted = false): string | undefined {
  const text = item.text().trim()
  if (text === '') return undefined
  const [id = '', version] = text.split('@', 2)
  if (!named.test(mayBeUnwanted ? id.replace(/^-/, '') : id)) {
    item.ignore('an extension is named "publisher.name"; files and addresses are not installed')
    return undefined
  }
  if (version !== undefined) item.ignore('its version is not applied: the newest one is installed')
  return id
}
