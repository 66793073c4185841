import { z } from 'zod'

const Claims = z.looseObject({ exp: z.number() })

/**
 * When a JSON Web Token expires (RFC 7519, `exp`), milliseconds since the epoch. Undefined where it does not say, or is
 * no such token. The signature is the server's to check.
 */
export function expiryOf(token: string): number | undefined {
  const payload = token.split('.')[1]
  if (payload === undefined) return undefined
  try {
    return Claims.parse(JSON.parse(Buffer.from(payload, 'base64url').toString('utf8'))).exp * 1000
  } catch {
    return undefined
  }
}
