import { BlockList, isIP } from 'node:net'

type Environment = Readonly<Record<string, string | undefined>>

/** What a proxy may be; undefined where the URL is not one of these. */
export function parseProxy(address: string): URL | undefined {
  const url = URL.canParse(address) ? new URL(address) : undefined
  return url && /^(https?|socks5h?):$/.test(url.protocol) && url.hostname !== '' ? url : undefined
}

/**
 * The proxy that the environment names for a server, as Go programs decide it (golang.org/x/net/http/httpproxy):
 * upper-case names first, never for this machine itself, NO_PROXY with domains, addresses, networks and ports.
 */
export function environmentProxy(server: URL, env: Environment): string | undefined {
  const name = server.protocol === 'https:' ? 'HTTPS_PROXY' : 'HTTP_PROXY'
  const address = env[name] || env[name.toLowerCase()]
  if (!address || isExempt(server, env.NO_PROXY || env.no_proxy || '')) return undefined
  // Most people leave the scheme out.
  const proxy = parseProxy(address.includes('://') ? address : `http://${address}`)
  return proxy?.href.replace(/\/$/, '')
}

function isExempt(server: URL, list: string): boolean {
  const host = server.hostname.replace(/^\[|\]$/g, '').toLowerCase()
  const port = server.port || (server.protocol === 'https:' ? '443' : '80')
  const version = isIP(host)
  if (host === 'localhost') return true
  if (version === 4 && host.startsWith('127.')) return true
  if (version === 6 && host === '::1') return true
  return list
    .split(',')
    .map((entry) => entry.trim().toLowerCase())
    .filter((entry) => entry !== '')
    .some((entry) => entry === '*' || matches(entry, host, port, version))
}

function matches(entry: string, host: string, port: string, version: number): boolean {
  const network = /^(.+)\/(\d{1,3})$/.exec(entry)
  if (network?.[1] && version !== 0) return inNetwork(network[1], Number(network[2]), host, version)
  const [pattern, only] = splitPort(entry)
  if (only !== undefined && only !== port) return false
  if (version !== 0 || isIP(pattern) !== 0) return pattern === host
  const domain = pattern.replace(/^\*?\./, '')
  // A leading dot means the hosts below the domain, and not itself.
  return host.endsWith(`.${domain}`) || (domain === pattern && host === domain)
}

function splitPort(entry: string): [string, string | undefined] {
  const bracketed = /^\[(.+)\](?::(\d+))?$/.exec(entry)
  if (bracketed?.[1]) return [bracketed[1], bracketed[2]]
  if (isIP(entry) === 6) return [entry, undefined]
  const parts = /^(.*?)(?::(\d+))?$/.exec(entry)
  return [parts?.[1] ?? entry, parts?.[2]]
}

function inNetwork(address: string, prefix: number, host: string, version: number): boolean {
  if (isIP(address) !== version || prefix > (version === 4 ? 32 : 128)) return false
  const type = version === 4 ? 'ipv4' : 'ipv6'
  const network = new BlockList()
  network.addSubnet(address, prefix, type)
  return network.check(host, type)
}
