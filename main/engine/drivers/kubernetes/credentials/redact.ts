import { stripVTControlCharacters } from 'node:util'

/** Characters of a program's output that a Problem's detail keeps: its end says what went wrong. */
const DETAIL = 4_000
const LOOKS_SECRET = /token|secret|passw|credential|private|key|auth/i

/**
 * What a program printed, fit for a Problem: its end, without control characters, and without what looks like a
 * credential or is one of `secrets`.
 */
export function redact(output: string, secrets: readonly string[] = []): string {
  let text = stripVTControlCharacters(output).replace(/[^\P{Cc}\t\n]/gu, '')
  // Longest first: one may be part of another.
  const known = secrets
    .filter((secret) => secret.length >= 6)
    .sort((left, right) => right.length - left.length)
  for (const secret of known) text = text.replaceAll(secret, '[hidden]')
  text = text
    // A JSON Web Token, also cut short.
    .replace(/\beyJ[\w-]{8,}(\.[\w-]*){0,2}/g, '[hidden]')
    .replace(/\b(bearer|basic)\s+[\w~+/.=-]{8,}/gi, '$1 [hidden]')
    .replace(/-----BEGIN [^-]*PRIVATE KEY-----[\s\S]*?(-----END [^-]*-----|$)/g, '[hidden]')
    .replace(
      /([\w-]*(?:token|secret|passw(?:or)?d)[\w-]*"?(?:\s*=\s*"?|"\s*:\s*"))[^\s"',&]+/gi,
      '$1[hidden]',
    )
    // Prose has a colon too ("invalid token: expired"), and shorter words.
    .replace(/([\w-]*(?:token|secret|passw(?:or)?d)[\w-]*\s*:\s*)[^\s"',&]{12,}/gi, '$1[hidden]')
    .trim()
  if (text.length > DETAIL) text = `… ${text.slice(-DETAIL)}`
  return text
}

/** Values of settings whose names say that they are secret: of variables, and of arguments like `--token=…`. */
export function secretValues(
  env: readonly (readonly [string, string])[],
  args: readonly string[],
): readonly string[] {
  const ofEnv = env.flatMap(([name, value]) => (LOOKS_SECRET.test(name) ? [value] : []))
  const ofArgs = args.flatMap((arg, index) => {
    const assigned = /^--?([\w-]+)=(.+)$/s.exec(arg)
    if (assigned?.[1] && assigned[2]) return LOOKS_SECRET.test(assigned[1]) ? [assigned[2]] : []
    const previous = args[index - 1] ?? ''
    return /^--?[\w-]+$/.test(previous) && LOOKS_SECRET.test(previous) && !arg.startsWith('-') ? [arg] : []
  })
  return [...ofEnv, ...ofArgs]
}
