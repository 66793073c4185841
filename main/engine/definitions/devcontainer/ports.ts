import { OnAutoForward, type PortAttributes } from '#contract'
import type { Value } from '../document/value'
import { closest } from '../suggest'

const attributeNames = ['label', 'protocol', 'onAutoForward', 'requireLocalPort', 'elevateIfNeeded']
const localHosts = ['localhost', '127.0.0.1', '0.0.0.0', '[::1]']

function portNumber(value: Value, text: string | number): number {
  const port = Number(text)
  if (!Number.isInteger(port) || port < 1 || port > 65535) {
    throw value.mustBe('a port number from 1 to 65535', 'Write, for example, "forwardPorts": [3000].')
  }
  return port
}

/**
 * `forwardPorts`: numbers; `"localhost:3000"` is one too, and so is `"db:5432"` where `db` is among the `names` of
 * services, which share the workspace's network. Another host's port is listed as not applied.
 */
export function readForwardPorts(value: Value, names: ReadonlySet<string> = new Set()): number[] {
  const ports: number[] = []
  const single = value.type === 'number' || value.type === 'string'
  for (const item of single ? [value] : value.items('Write, for example, "forwardPorts": [3000].')) {
    if (item.type === 'number') ports.push(portNumber(item, item.raw()))
    else {
      const text = item.text().trim()
      const match = /^(?:(.+):)?(\d+)$/.exec(text)
      if (!match) throw item.mustBe('a port number or "host:port"')
      const port = portNumber(item, match[2] ?? '')
      if (/^\d+$/.test(match[1] ?? '')) {
        // As Docker publishes them: the second one is the container's.
        ports.push(port)
        if (match[1] !== match[2])
          item.ignore(`port ${port} is forwarded, under the number that is free on your machine`)
      } else if (match[1] === undefined || localHosts.includes(match[1]) || names.has(match[1]))
        ports.push(port)
      else item.ignore(`ports of another host (${match[1]}) are not forwarded, only the workspace's own`)
    }
  }
  return [...new Set(ports)]
}

/** Also of `otherPortsAttributes`. */
export function readPortAttributes(value: Value): PortAttributes {
  const attributes: PortAttributes = {}
  for (const [name, field] of value.fields()) {
    if (field.type === 'null') continue
    switch (name) {
      case 'label':
        attributes.label = field.words().slice(0, 100)
        break
      case 'protocol':
        attributes.protocol = field.choice(['http', 'https', 'tcp'])
        break
      case 'onAutoForward':
        attributes.onAutoForward = field.choice(OnAutoForward.options)
        break
      case 'requireLocalPort':
        attributes.requireLocalPort = field.boolean()
        break
      case 'elevateIfNeeded':
        attributes.elevateIfNeeded = field.boolean()
        if (attributes.elevateIfNeeded)
          field.ignore('Berth asks for no rights of an administrator: another local port is taken instead')
        break
      default: {
        const meant = closest(name, attributeNames)
        field.ignore(`unknown field${meant ? `; did you mean "${meant}"?` : ''}`)
      }
    }
  }
  return attributes
}

/**
 * Keys: a port, a range `3000-3010`, or a regular expression on the process's command line. A service's port is the
 * workspace's own, as in {@link readForwardPorts}.
 */
export function readPortsAttributes(
  value: Value,
  names: ReadonlySet<string> = new Set(),
): Record<string, PortAttributes> {
  const attributes: [string, PortAttributes][] = []
  for (const [written, field] of value.fields(
    'Write, for example, "portsAttributes": {"3000": {"label": "App"}}.',
  )) {
    if (field.type === 'null') continue
    const host = /^([\w.-]+):(\d+)$/.exec(written)
    const key = host && names.has(host[1] ?? '') ? (host[2] ?? '') : written
    const range = /^(\d+)(?:-(\d+))?$/.exec(key)
    if (range) {
      const from = Number(range[1])
      const to = Number(range[2] ?? range[1])
      if (from < 1 || to > 65535 || from > to) throw field.mustBe('under a port from 1 to 65535, or a range')
    } else if (/^[\w.-]+:\d+$/.test(key) && !key.startsWith('localhost:')) {
      field.ignore("ports of another host are not forwarded, only the workspace's own")
      continue
    } else if (/^[*+?]/.test(key)) {
      // Written for any port; editors find no regular expression in it and pass it over.
      field.ignore('it is no regular expression; for all other ports there is otherPortsAttributes')
      continue
    } else {
      try {
        new RegExp(key.slice(0, 500))
      } catch {
        throw field.mustBe('under a port, a range such as 3000-3010, or a regular expression')
      }
    }
    attributes.push([key.replace(/^localhost:(?=\d+$)/, ''), readPortAttributes(field)])
  }
  return Object.fromEntries(attributes)
}
