/** `e_machine` of each architecture, ELF specification (generic ABI, chapter 4). */
const machines = { amd64: 62, arm64: 183 }
/** Program headers of a binary that needs a loader or libraries. */
const dynamic = 2
const interpreter = 3

/**
 * Why a binary would not run on a Linux that has nothing but its kernel, if so: it must be a 64-bit little-endian
 * executable of the architecture that asks for no loader and no shared library.
 * @param {Buffer} bytes
 * @param {import('./places.mjs').Architecture} architecture
 * @returns {string | undefined}
 */
export function whyNotStatic(bytes, architecture) {
  if (bytes.length < 64 || bytes.readUInt32BE(0) !== 0x7f454c46 || bytes[4] !== 2 || bytes[5] !== 1) {
    return 'it is no 64-bit little-endian ELF file'
  }
  const machine = bytes.readUInt16LE(18)
  if (machine !== machines[architecture]) return `it is for machine ${machine}, not ${machines[architecture]}`
  const offset = Number(bytes.readBigUInt64LE(32))
  const size = bytes.readUInt16LE(54)
  const count = bytes.readUInt16LE(56)
  for (let index = 0; index < count; index += 1) {
    const type = bytes.readUInt32LE(offset + index * size)
    if (type === interpreter) return 'it is linked dynamically: it names a loader'
    if (type === dynamic) return 'it is linked dynamically: it has a dynamic section'
  }
  return undefined
}
