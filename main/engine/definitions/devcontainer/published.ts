import { shorten, type Value } from '../document/value'

const example = 'Write, for example, 3000 or "8080:80".'
/** Of one entry. */
const maximumPorts = 200

/**
 * A port as `docker run --publish` writes it, `[[address:]host:]container[/protocol]`, each also a range. Gives the
 * container's side, to be forwarded; that nothing is published under another number is named. Throws
 * `definition-invalid`.
 */
export function readPublished(text: string, place: Value): number[] {
  const at = text.lastIndexOf(':')
  const inside = text.slice(at + 1)
  const outside = at < 0 ? '' : text.slice(0, at)
  const match = /^(\d{1,5})(?:-(\d{1,5}))?(?:\/([A-Za-z]{1,10}))?$/.exec(inside.trim())
  const from = Number(match?.[1])
  const to = Number(match?.[2] ?? match?.[1])
  if (!match || from < 1 || to > 65535 || from > to || to - from >= maximumPorts)
    throw place.mustBe('a port from 1 to 65535, or a short range of them', example)
  const protocol = (match[3] ?? 'tcp').toLowerCase()
  if (protocol !== 'tcp') {
    place.ignore(`only TCP is forwarded, not ${shorten(protocol)}`)
    return []
  }
  const host = outside.slice(outside.lastIndexOf(':') + 1)
  if (host !== '' && host !== inside.replace(/\/.*$/, ''))
    place.ignore(
      'nothing is published on a machine; the port is forwarded under the number that the workspace listens on',
    )
  return Array.from({ length: to - from + 1 }, (_, index) => from + index)
}

/** `appPort`: a port, one with the host's, or an array of them. Each is forwarded, as `forwardPorts` are. */
export function readAppPort(value: Value): number[] {
  const entries = value.type === 'array' ? value.items(example) : [value]
  return entries.flatMap((entry) =>
    readPublished(entry.type === 'number' ? String(entry.raw()) : entry.text(example), entry),
  )
}
