import type { Cluster, User } from './model'

export interface Server {
  /** Without credentials, query or trailing slash. */
  readonly address: string
  /** User name and password where the URL has them. */
  readonly login: Pick<User, 'username' | 'password'>
}

/**
 * A cluster's server as kubectl takes it: a URL, or `host:port`, which means https where anything is said of TLS
 * (client-go, rest.DefaultServerURL). Undefined where it is neither.
 */
export function serverUrl(cluster: Cluster, user: User | undefined): Server | undefined {
  const { server } = cluster
  if (server === undefined) return undefined
  const whole = /^[a-z][a-z0-9+.-]*:\/\//i.test(server)
  const secured = cluster.skipVerify || cluster.caData || cluster.caFile || user?.certData || user?.certFile
  const text = whole ? server : `${secured ? 'https' : 'http'}://${server}`
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (!url || !/^https?:$/.test(url.protocol) || url.hostname === '') return undefined
  if (!whole && url.pathname !== '/') return undefined
  const { protocol, host, pathname, username, password } = url
  return {
    address: `${protocol}//${host}${pathname.replace(/\/+$/, '')}`,
    login: username ? { username: decoded(username), password: decoded(password) } : {},
  }
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
