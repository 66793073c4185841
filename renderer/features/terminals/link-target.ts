import type { Port } from '#contract'

/** Hosts by which a program in the workspace means the workspace itself. */
const ownHosts = new Set(['localhost', '127.0.0.1', '0.0.0.0', '[::1]', '[::]'])

export type LinkTarget =
  /** To be opened as it is. */
  | { readonly kind: 'address'; readonly url: string }
  /** A server in the workspace that is not forwarded yet. */
  | { readonly kind: 'port'; readonly port: number; readonly rest: string }

/**
 * Where a link in a terminal leads. `http://localhost:5173/` printed in a workspace means the workspace's port and
 * not one of this machine. Undefined: not an address that a browser should get.
 */
export function linkTarget(text: string, ports: readonly Port[]): LinkTarget | undefined {
  let url: URL
  try {
    url = new URL(text)
  } catch {
    return undefined
  }
  if (url.protocol !== 'http:' && url.protocol !== 'https:') return undefined
  if (!ownHosts.has(url.hostname)) return { kind: 'address', url: url.href }
  const port = Number(url.port || (url.protocol === 'https:' ? 443 : 80))
  const rest = `${url.pathname}${url.search}${url.hash}`
  const forward = ports.find((candidate) => candidate.port === port)?.forward
  if (!forward) return { kind: 'port', port, rest }
  return { kind: 'address', url: addressOf(forward, url.protocol, rest) }
}

/** The address of a forwarded port, with the rest of a link after it. */
export function addressOf(
  forward: { readonly url?: string | undefined; readonly localPort: number },
  protocol: string,
  rest: string,
): string {
  // The router speaks plain HTTP; a server with TLS of its own is reached at its raw address.
  if (forward.url !== undefined && protocol === 'http:') return new URL(rest, forward.url).href
  return `${protocol}//127.0.0.1:${forward.localPort}${rest}`
}
