/** Maps between the addresses that a browser uses and those that the app in the workspace believes in. */
export interface AddressMap {
  /** The port that the app listens on. */
  readonly port: number
  /** As the browser named it: what came in Host. */
  readonly publicHost: string
  readonly routerPort: number
  /** `http://localhost:<port>` for one of this workspace's own public origins, else undefined. */
  toLocal(origin: string): string | undefined
  /** The public origin of a port of this workspace, else undefined. */
  toPublic(port: number): string | undefined
}

type Pairs = [name: string, value: string][]

/** Belong to one connection and not to the message (RFC 9110, section 7.6.1). */
const HOP_BY_HOP: ReadonlySet<string> = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'proxy-authenticate',
  'proxy-authorization',
  'te',
  'transfer-encoding',
  'upgrade',
])

const FORWARDED: ReadonlySet<string> = new Set([
  'x-forwarded-for',
  'x-forwarded-host',
  'x-forwarded-proto',
  'x-forwarded-port',
])

function pairs(raw: readonly string[]): Pairs {
  const all: Pairs = []
  for (let at = 0; at + 1 < raw.length; at += 2) all.push([raw[at] ?? '', raw[at + 1] ?? ''])
  return all
}

function value(all: Pairs, name: string): string | undefined {
  return all.find(([key]) => key.toLowerCase() === name)?.[1]
}

function endToEnd(all: Pairs): Pairs {
  const named = new Set(
    all
      .filter(([name]) => name.toLowerCase() === 'connection')
      .flatMap(([, list]) => list.split(',').map((token) => token.trim().toLowerCase())),
  )
  return all.filter(([name]) => {
    const lower = name.toLowerCase()
    return !HOP_BY_HOP.has(lower) && !named.has(lower)
  })
}

function splitOrigin(url: string): { origin: string; rest: string } | undefined {
  const match = /^([a-z][a-z0-9+.-]*:\/\/[^/?#]*)(.*)$/i.exec(url)
  return match ? { origin: match[1] ?? '', rest: match[2] ?? '' } : undefined
}

/**
 * The request's headers as the app is to see them, in their order: Host, Origin and Referer as if the browser had
 * asked `localhost:<port>`, X-Forwarded-* as it really asked.
 *
 * Exception: where the browser named its own origin and that was translated, X-Forwarded-Host and -Port say the same
 * as Origin. Apps that guard against forged requests compare the two (Rails, Next.js), and would refuse every form.
 */
export function requestHeaders(raw: readonly string[], map: AddressMap): string[] {
  const all = pairs(raw)
  const local = `localhost:${map.port}`
  const origin = value(all, 'origin')
  const translated = origin === undefined ? undefined : map.toLocal(origin)
  const out: string[] = []
  for (const [name, text] of endToEnd(all)) {
    const lower = name.toLowerCase()
    if (FORWARDED.has(lower)) continue
    if (lower === 'host') out.push(name, local)
    else if (lower === 'origin') out.push(name, translated ?? text)
    else if (lower === 'referer') {
      const parts = splitOrigin(text)
      const mapped = parts && map.toLocal(parts.origin)
      out.push(name, parts && mapped ? mapped + parts.rest : text)
    } else out.push(name, text)
  }
  const before = value(all, 'x-forwarded-for')
  out.push('X-Forwarded-For', before ? `${before}, 127.0.0.1` : '127.0.0.1')
  out.push('X-Forwarded-Proto', 'http')
  if (translated) {
    const host = new URL(translated).host
    out.push('X-Forwarded-Host', host, 'X-Forwarded-Port', host.split(':')[1] ?? '80')
  } else {
    out.push('X-Forwarded-Host', map.publicHost, 'X-Forwarded-Port', String(map.routerPort))
  }
  return out
}

const LOCAL_HOSTS: ReadonlySet<string> = new Set(['localhost', '127.0.0.1', '[::1]', '0.0.0.0'])

/** An address in the app's own terms as the browser can reach it; anything else stays as it is. */
export function toPublicUrl(url: string, map: AddressMap): string {
  const relative = url.startsWith('//')
  const parts = splitOrigin(relative ? `http:${url}` : url)
  if (!parts) return url
  const match = /^(https?):\/\/(?:[^@/]*@)?(\[[^\]]*\]|[^:]*)(?::(\d+))?$/i.exec(parts.origin)
  if (!match || !LOCAL_HOSTS.has((match[2] ?? '').toLowerCase())) return url
  const port = match[3] ? Number(match[3]) : match[1]?.toLowerCase() === 'https' ? 443 : 80
  const target = map.toPublic(port)
  return target ? target + parts.rest : url
}

/** The response's headers as the browser is to see them, in their order. */
export function responseHeaders(raw: readonly string[], map: AddressMap): string[] {
  const out: string[] = []
  for (const [name, text] of endToEnd(pairs(raw))) {
    switch (name.toLowerCase()) {
      case 'location':
      case 'content-location':
      case 'access-control-allow-origin':
        out.push(name, toPublicUrl(text, map))
        break
      case 'set-cookie':
        out.push(name, hostCookie(text))
        break
      default:
        out.push(name, text)
    }
  }
  return out
}

/** Without headers of this name (lower case). */
export function withoutHeader(raw: readonly string[], name: string): string[] {
  return pairs(raw)
    .filter(([key]) => key.toLowerCase() !== name)
    .flat()
}

/**
 * The head of a request for a switch of protocols as that of an ordinary one, which it is to whoever does not want to
 * switch (RFC 9110, section 7.8).
 */
export function headWithoutUpgrade(
  method: string,
  url: string,
  httpVersion: string,
  raw: readonly string[],
): string {
  const ofUpgrade = ['upgrade', 'http2-settings']
  const lines = [`${method} ${url} HTTP/${httpVersion}`]
  for (const [name, text] of pairs(raw)) {
    const lower = name.toLowerCase()
    if (ofUpgrade.includes(lower)) continue
    if (lower !== 'connection') {
      lines.push(`${name}: ${text}`)
      continue
    }
    const tokens = text.split(',').filter((token) => !ofUpgrade.includes(token.trim().toLowerCase()))
    if (tokens.length > 0) lines.push(`${name}: ${tokens.join(',').trim()}`)
  }
  return `${lines.join('\r\n')}\r\n\r\n`
}

/** A cookie for the app's own host, whichever of its names the app put into Domain: a browser would refuse those. */
function hostCookie(cookie: string): string {
  return cookie
    .split(';')
    .filter((part, index) => {
      if (index === 0) return true
      const domain = /^\s*domain\s*=\s*\.?(.*?)\s*$/i.exec(part)?.[1]
      return domain === undefined || !(LOCAL_HOSTS.has(domain.toLowerCase()) || domain === '')
    })
    .join(';')
}
