/** Stands for the byte 0x80 in a name that is no UTF-8: one half of a pair, which no UTF-8 gives. */
const ODD = 0xdc00
const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/**
 * A name of Linux, which may be any bytes, as text that gives the same bytes back by {@link encodeName}: bytes that are
 * no UTF-8 become lone surrogates (as in Python, PEP 383).
 */
export function decodeName(bytes: Uint8Array): string {
  return decode(bytes) ?? decodePieces(bytes)
}

/** The bytes of a name or path. */
export function encodeName(name: string): Buffer {
  if (!/\p{Surrogate}/u.test(name)) return Buffer.from(name, 'utf8')
  const pieces: Buffer[] = []
  for (const character of name) {
    const code = character.codePointAt(0) as number
    const isOdd = code >= ODD + 0x80 && code <= ODD + 0xff
    pieces.push(isOdd ? Buffer.from([code - ODD]) : Buffer.from(character, 'utf8'))
  }
  return Buffer.concat(pieces)
}

function decode(bytes: Uint8Array): string | undefined {
  try {
    return strict.decode(bytes)
  } catch {
    return undefined
  }
}

function decodePieces(bytes: Uint8Array): string {
  let text = ''
  for (let at = 0; at < bytes.length; ) {
    const length = lengthAfter(bytes[at] as number)
    const piece = at + length <= bytes.length ? decode(bytes.subarray(at, at + length)) : undefined
    text += piece ?? String.fromCharCode(ODD + (bytes[at] as number))
    at += piece === undefined ? 1 : length
  }
  return text
}

/** How many bytes a character has that begins with this one (RFC 3629, section 3). */
function lengthAfter(first: number): number {
  if (first < 0xc0) return 1
  if (first < 0xe0) return 2
  return first < 0xf0 ? 3 : 4
}
