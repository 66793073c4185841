/** Larger than any text that a person copies within a program. */
const LONGEST = 1_000_000

/**
 * The text that a program puts on the clipboard by OSC 52, from what stands after its number; undefined for anything
 * else, a question for what is on it above all: a program in a container is not told what the user copied elsewhere.
 */
export function clipboardText(data: string): string | undefined {
  const separator = data.indexOf(';')
  const selection = data.slice(0, separator)
  const encoded = data.slice(separator + 1)
  if (separator < 0 || !/^[cps0-7]*$/.test(selection)) return undefined
  if (encoded === '' || encoded.length > LONGEST || !/^[A-Za-z0-9+/]+={0,2}$/.test(encoded)) return undefined
  try {
    const bytes = Uint8Array.from(atob(encoded), (character) => character.charCodeAt(0))
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    // Not Base64 after all, or not text: nothing that a clipboard could hold.
    return undefined
  }
}
