import type { TlsMaterial } from './tls'

/** How an engine is reached, as `DOCKER_HOST` or a context's `Host` says it. */
export type Endpoint =
  | { readonly kind: 'unix'; readonly path: string }
  | { readonly kind: 'npipe'; readonly path: string }
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number; readonly tls?: TlsMaterial }
  | {
      readonly kind: 'ssh'
      /** `user@host`, or the host alone: what the system's ssh is given, so that ~/.ssh/config applies. */
      readonly destination: string
      readonly port?: number
      /** A socket on the far machine other than its docker command's own default. */
      readonly socket?: string
    }

/** Whether the engine shares this machine's file system, so that its folders can be mounted. */
export function isLocal(endpoint: Endpoint): boolean {
  return endpoint.kind === 'unix' || endpoint.kind === 'npipe'
}

/**
 * Reads a Docker host address (`unix:///path`, `npipe:////./pipe/name`, `tcp://host:port`, `ssh://user@host:port`).
 * `tls` applies to tcp only. Throws an `Error` whose message says what is wrong with it.
 */
export function parseEndpoint(address: string, tls?: TlsMaterial): Endpoint {
  const match = /^([a-z]+):\/\/(.*)$/s.exec(address.trim())
  if (!match) throw new Error(`"${redact(address)}" is not an address such as unix:///var/run/docker.sock`)
  const [, scheme = '', rest = ''] = match
  if (scheme === 'unix') {
    if (!rest.startsWith('/')) throw new Error(`"${address}" does not name an absolute socket path`)
    return { kind: 'unix', path: rest }
  }
  if (scheme === 'npipe') return { kind: 'npipe', path: rest.replaceAll('/', '\\') }
  if (scheme === 'ssh') return parseSsh(address)
  if (scheme === 'tcp' || scheme === 'http' || scheme === 'https') {
    const url = parseUrl(address, `http://${rest}`)
    const encrypted = tls ?? (scheme === 'https' ? {} : undefined)
    const port = url.port ? Number(url.port) : rest.includes(':80') ? 80 : encrypted ? 2376 : 2375
    const host = url.hostname.replace(/^\[|\]$/g, '') || '127.0.0.1'
    return encrypted ? { kind: 'tcp', host, port, tls: encrypted } : { kind: 'tcp', host, port }
  }
  throw new Error(`Docker addresses of the kind "${scheme}://" are not known`)
}

function parseSsh(address: string): Endpoint {
  const url = parseUrl(address, address)
  if (url.password) throw new Error('an ssh address must not hold a password; use a key or an ssh agent')
  const host = url.hostname.replace(/^\[|\]$/g, '')
  if (!host) throw new Error(`"${address}" names no host`)
  const user = decodeURIComponent(url.username)
  // A leading hyphen would reach ssh as an option.
  if (host.startsWith('-') || user.startsWith('-')) throw new Error('host and user must not begin with "-"')
  const socket = url.pathname.length > 1 ? url.pathname : undefined
  return {
    kind: 'ssh',
    destination: user ? `${user}@${host}` : host,
    ...(url.port ? { port: Number(url.port) } : {}),
    ...(socket ? { socket } : {}),
  }
}

function parseUrl(address: string, text: string): URL {
  try {
    return new URL(text)
  } catch {
    throw new Error(`"${redact(address)}" is not a valid address`)
  }
}

/** An address for display: without what may be a password. */
export function redact(address: string): string {
  return address.replace(/(\/\/[^/@:]*):[^/@]*@/, '$1@')
}
