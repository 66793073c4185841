import type { Definition, OnAutoForward, PortAttributes } from '#contract'
import { shorten, type Value } from '../document/value'
import { ignoreUnknown, list, present } from './fields'

const names = ['port', 'onOpen', 'visibility', 'name', 'protocol', 'description']
const example = 'Write, for example, "- port: 3000" or "- port: 3000-3010".'

/** What Gitpod does with a port that opens, in the words of containers.dev. Left out there: it notifies. */
const openings = {
  'open-browser': 'openBrowser',
  'open-preview': 'openPreview',
  notify: 'notify',
  // It is reachable, and nobody is told.
  ignore: 'silent',
  // It is not even reachable.
  'ignore-completely': 'ignore',
} as const satisfies Record<string, OnAutoForward>
const openingNames = Object.keys(openings) as (keyof typeof openings)[]

/** `ports`. A single port is there from the start, as in Gitpod, whether or not something listens; a range is not. */
export function readPorts(value: Value | undefined): Pick<Definition, 'forwardPorts' | 'portsAttributes'> {
  const forwardPorts: number[] = []
  const portsAttributes = new Map<string, PortAttributes>()
  for (const item of list(value, example)) {
    const fields = present(item.fields(example))
    const port = fields.get('port')
    if (!port) throw item.mustBe('an object with "port"', example)
    const [from, to] = readRange(port)
    const key = from === to ? String(from) : `${from}-${to}`
    const attributes = readAttributes(fields)
    if (portsAttributes.has(key)) {
      item.ignore(`${key} is there already, and what is said first counts`)
      continue
    }
    portsAttributes.set(key, attributes)
    if (from === to && attributes.onAutoForward !== 'ignore') forwardPorts.push(from)
  }
  return { forwardPorts, portsAttributes: Object.fromEntries(portsAttributes) }
}

/** A number, the text of one, or a range `3000-3010` or `3000:3010`. */
function readRange(value: Value): readonly [from: number, to: number] {
  const text = value.type === 'number' ? value.raw() : value.text(example).trim()
  const match = /^(\d{1,9})(?:\s*[:-]\s*(\d{1,9}))?$/.exec(text)
  if (!match) throw value.mustBe('a port number from 1 to 65535, or a range such as 3000-3010', example)
  const from = Number(match[1])
  const to = Number(match[2] ?? match[1])
  if (from < 1 || to < 1 || from > 65535 || to > 65535)
    throw value.mustBe('a port number from 1 to 65535, or a range of such', example)
  if (from > to) throw value.mustBe('a range that begins with its smaller port', `Write "${to}-${from}".`)
  return [from, to]
}

function readAttributes(fields: ReadonlyMap<string, Value>): PortAttributes {
  const attributes: PortAttributes = {}
  const name = fields.get('name')?.words().trim()
  const description = fields.get('description')
  const described = description?.words().trim()
  const label = name || described
  if (label) attributes.label = label.slice(0, 100)
  if (name && described) description?.ignore('a port is shown by its name alone')
  const protocol = fields.get('protocol')
  if (protocol) attributes.protocol = protocol.choice(['http', 'https'])
  const onOpen = fields.get('onOpen')
  if (onOpen) attributes.onAutoForward = openings[onOpen.choice(openingNames)]
  const visibility = fields.get('visibility')
  if (visibility?.choice(['private', 'public']) === 'public')
    visibility.ignore('ports are forwarded to your own machine, and nobody else can reach them')
  for (const [field, value] of fields) {
    if (!names.includes(field)) ignoreUnknown(value, shorten(field), names)
  }
  return attributes
}
