import type { Value } from '../document/value'
import { devfileFields, exposures, protocols } from './fields'
import { quoted, readFields, readList, readMap, readName, requireField, skipObject } from './shape'

export interface Endpoint {
  readonly name: string
  readonly port: number
  readonly exposure: (typeof exposures)[number]
  /** Absent where the file says none: then what listens there is not known. */
  readonly protocol?: (typeof protocols)[number]
  /** What its address leads to; absent: the root. */
  readonly path?: string
  readonly at: Value
}

/** `endpoints` of a container or of cluster objects. `ignore` is told what means nothing for a workspace. */
export function readEndpoints(
  value: Value,
  longestName: number,
  ignore: (value: Value, reason: string) => void,
): Endpoint[] {
  return readList(value).map((item) => {
    const nameAt = requireField(item, item.fields(), 'name')
    const name = readName(nameAt, longestName)
    const at = item.named(item.name.replace(/\[\d+\]$/, `.${name}`))
    const fields = readFields(at, devfileFields.endpoint, { required: ['targetPort'] })
    const portAt = requireField(at, fields, 'targetPort')
    const port = portAt.type === 'number' ? Number(portAt.raw()) : Number.NaN
    if (!Number.isInteger(port) || port < 1 || port > 65535) {
      throw portAt.mustBe(
        'a port number from 1 to 65535',
        'Write it without quotes, as in "targetPort: 8080".',
      )
    }
    skipObject(fields.get('attributes'))
    const exposure = fields.get('exposure')?.choice(exposures) ?? 'public'
    const protocolAt = fields.get('protocol')
    const protocol = protocolAt?.choice(protocols)
    const secure = fields.get('secure')
    if (secure?.boolean()) ignore(secure, 'only you reach the port, so nothing asks who you are')
    const pathAt = fields.get('path')
    const path = pathAt && readPath(pathAt)
    const annotation = fields.get('annotation')
    if (annotation) {
      readMap(annotation)
      ignore(annotation, 'it is for the objects that a cluster would make of the devfile')
    }
    if (exposure === 'internal') {
      ignore(
        fields.get('exposure') ?? at,
        'nothing else in a cluster reaches the port; it is forwarded to you like a public one, without a notice',
      )
    }
    if (protocolAt && (protocol === 'https' || protocol === 'wss')) {
      ignore(
        protocolAt,
        'a cluster would put TLS before the port; what listens there is taken to speak plain HTTP',
      )
    }
    if (protocolAt && protocol === 'udp') ignore(protocolAt, 'only TCP ports are forwarded')
    return { name, port, exposure, ...(protocol && { protocol }), ...(path && { path }), at }
  })
}

/** Undefined: the root. With a query, and without what leads to another host. */
function readPath(value: Value): string | undefined {
  const text = value.text(quoted)
  const path = `/${text.replace(/^[/\\]+/, '')}`
  const url = text.length <= 2000 && URL.canParse(path, base) ? new URL(path, base) : undefined
  if (!url || url.host !== new URL(base).host) throw value.mustBe('a path such as "/api"')
  const address = `${url.pathname}${url.search}${url.hash}`
  return address === '/' ? undefined : address
}

const base = 'http://port.localhost'
