import type { Impersonation } from '../kubeconfig/model'

type Values = Record<string, string | string[]>

/**
 * The headers that ask the API server to act as someone else (kubernetes.io, "User impersonation"). A header that has
 * several values is sent several times.
 */
export function impersonationHeaders(asked: Impersonation | undefined): Values {
  if (asked?.user === undefined) return {}
  const headers: Values = { 'Impersonate-User': wire(asked.user) }
  if (asked.uid !== undefined) headers['Impersonate-Uid'] = wire(asked.uid)
  if (asked.groups.length > 0) headers['Impersonate-Group'] = asked.groups.map(wire)
  for (const [key, values] of asked.extra) {
    if (values.length > 0) headers[`Impersonate-Extra-${escapeKey(key)}`] = values.map(wire)
  }
  return headers
}

/** Go reads header values as UTF-8 bytes; Node takes one character for each byte. */
function wire(value: string): string {
  return Buffer.from(value, 'utf8').toString('latin1')
}

/** What may not stand in a header's name is percent-encoded, and so is the percent sign (client-go, headerKeyEscape). */
function escapeKey(key: string): string {
  return [...Buffer.from(key, 'utf8')]
    .map((byte) => {
      const character = String.fromCharCode(byte)
      return /[!#$&'*+.^_`|~0-9A-Za-z-]/.test(character)
        ? character
        : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`
    })
    .join('')
}
