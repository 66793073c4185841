import { shorten } from '../document/value'
import { fieldLayers, itemsOf, type Layer, lastLayer, plainText } from './layer'
import { ignoreUnset } from './unset'

const example = 'Write, for example, "3000" or "8080:80".'
/** Of one service; a range counts as its ports. */
const maximumPorts = 200

export interface ServicePorts {
  /** `ports`: somebody outside is meant to reach them. Container side. */
  readonly published: readonly number[]
  /** All that it is said to listen on. */
  readonly listening: readonly number[]
}

/** `ports` and `expose`. Nothing is published: where a host's side is given, that is named. */
export function readPorts(layers: readonly Layer[]): ServicePorts {
  const published = new Set<number>()
  let named: Layer | undefined
  const entries = itemsOf(fieldLayers(layers, 'ports'), example)
  for (const entry of entries) {
    const { ports, elsewhere } = entry.value.type === 'object' ? longPorts(entry) : shortPorts(entry)
    for (const port of ports) published.add(port)
    if (elsewhere) named ??= entry
    bounded(published, entry)
  }
  named?.value.ignore(
    'nothing is published on a machine; the port is forwarded under the number that the service listens on',
  )
  const listening = new Set(published)
  for (const entry of itemsOf(fieldLayers(layers, 'expose'), example)) {
    for (const port of readRange(entry, plainText(entry, example))) listening.add(port)
    bounded(listening, entry)
  }
  return { published: [...published], listening: [...listening] }
}

function bounded(ports: ReadonlySet<number>, entry: Layer): void {
  if (ports.size > maximumPorts)
    throw entry.value.mustBe(`among the first ${maximumPorts} ports of a service`)
}

interface Entry {
  readonly ports: readonly number[]
  /** Whether the host's side differs from the container's. */
  readonly elsewhere: boolean
}

function shortPorts(entry: Layer): Entry {
  const text = plainText(entry, example).trim()
  const at = text.lastIndexOf(':')
  const inside = text.slice(at + 1)
  const ports = readRange(entry, inside)
  const outside = at < 0 ? '' : text.slice(0, at)
  const isOther = outside !== '' && outside.slice(outside.lastIndexOf(':') + 1) !== inside
  return { ports, elsewhere: ports.length > 0 && isOther }
}

function longPorts(entry: Layer): Entry {
  const target = lastLayer([entry], 'target')
  if (!target) throw entry.value.mustBe('an object with "target"', 'Write, for example, "target: 80".')
  const protocol = lastLayer([entry], 'protocol')?.value.text() ?? 'tcp'
  const published = lastLayer([entry], 'published')
  const text = plainText(target)
  return {
    ports: readRange(target, `${text}/${protocol}`),
    elsewhere: published !== undefined && plainText(published) !== text,
  }
}

/** `80`, `80-85`, each also with `/tcp`. Other protocols are named. */
function readRange(entry: Layer, text: string): number[] {
  const match = /^(\d{1,5})(?:-(\d{1,5}))?(?:\/([A-Za-z]{1,10}))?$/.exec(text.trim())
  const from = Number(match?.[1])
  const to = Number(match?.[2] ?? match?.[1])
  if (text.trim() === '' && ignoreUnset(entry)) return []
  if (!match || from < 1 || to > 65535 || from > to) {
    throw entry.value.mustBe('a port from 1 to 65535, or a range of them', example)
  }
  const protocol = (match[3] ?? 'tcp').toLowerCase()
  if (protocol !== 'tcp') {
    entry.value.ignore(`only TCP is forwarded, not ${shorten(protocol)}`)
    return []
  }
  if (to - from >= maximumPorts) throw entry.value.mustBe(`a range of at most ${maximumPorts} ports`)
  return Array.from({ length: to - from + 1 }, (_, index) => from + index)
}
