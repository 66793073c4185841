import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
} from 'node:crypto'
import { KEY_BYTES, OFFER } from '../../link/ssh/key-exchange'
import { Reader, SshProtocolError, Writer } from '../../link/ssh/wire'

/** What stands before the 32 bytes of a private key in PKCS 8 (RFC 8410, section 7). */
const PRIVATE_PREFIX = Buffer.from('302e020100300506032b657004220420', 'hex')
/** The first bytes of a file with a private key (OpenSSH, PROTOCOL.key). */
const MAGIC = Buffer.from('openssh-key-v1\0', 'latin1')
const BEGIN = '-----BEGIN OPENSSH PRIVATE KEY-----'
const END = '-----END OPENSSH PRIVATE KEY-----'
/** What is ciphered is made of blocks; without a cipher they have this many bytes. */
const BLOCK = 8
const LINE = 70

/** An Ed25519 key. */
export interface KeyPair {
  readonly privateKey: KeyObject
  /** The public half as SSH writes it (RFC 8709, section 4). */
  readonly publicBlob: Buffer
}

export function newKeyPair(): KeyPair {
  return pairOf(generateKeyPairSync('ed25519').privateKey)
}

function pairOf(privateKey: KeyObject): KeyPair {
  const bytes = createPublicKey(privateKey).export({ type: 'spki', format: 'der' }).subarray(-KEY_BYTES)
  return { privateKey, publicBlob: new Writer().string(OFFER.hostKey).string(bytes).done() }
}

/** One line, as known_hosts and `.pub` files have it. */
export function publicLine({ publicBlob }: KeyPair): string {
  return `${OFFER.hostKey} ${publicBlob.toString('base64')}`
}

/** A file that OpenSSH of any version reads (PROTOCOL.key): those before 9.6 know no other form of this kind of key. */
export function writePrivateKey({ privateKey, publicBlob }: KeyPair, comment: string): string {
  const seed = privateKey.export({ type: 'pkcs8', format: 'der' }).subarray(-KEY_BYTES)
  const publicBytes = publicBlob.subarray(-KEY_BYTES)
  const check = randomBytes(4)
  const secret = new Writer()
    .raw(check)
    .raw(check)
    .string(OFFER.hostKey)
    .string(publicBytes)
    .string(Buffer.concat([seed, publicBytes]))
    .string(comment)
    .done()
  const missing = (BLOCK - (secret.length % BLOCK)) % BLOCK
  const padding = Buffer.from(Array.from({ length: missing }, (_, index) => index + 1))
  const bytes = new Writer()
    .raw(MAGIC)
    .string('none')
    .string('none')
    .string('')
    .uint32(1)
    .string(publicBlob)
    .string(Buffer.concat([secret, padding]))
    .done()
  const lines = bytes.toString('base64').match(new RegExp(`.{1,${LINE}}`, 'g')) ?? []
  return [BEGIN, ...lines, END, ''].join('\n')
}

/** Reads what {@link writePrivateKey} wrote; undefined where it is anything else. */
export function readPrivateKey(text: string): KeyPair | undefined {
  const trimmed = text.trim()
  if (!trimmed.startsWith(BEGIN) || !trimmed.endsWith(END)) return undefined
  const bytes = Buffer.from(trimmed.slice(BEGIN.length, -END.length), 'base64')
  if (!bytes.subarray(0, MAGIC.length).equals(MAGIC)) return undefined
  try {
    const reader = new Reader(bytes, MAGIC.length)
    if (reader.text() !== 'none' || reader.text() !== 'none' || reader.text() !== '') return undefined
    if (reader.uint32() !== 1) return undefined
    const publicBlob = reader.string()
    const secret = new Reader(reader.string())
    const check = secret.uint32()
    if (secret.uint32() !== check || secret.text() !== OFFER.hostKey) return undefined
    secret.string()
    const seed = secret.string().subarray(0, KEY_BYTES)
    if (seed.length !== KEY_BYTES) return undefined
    const pair = pairOf(
      createPrivateKey({ key: Buffer.concat([PRIVATE_PREFIX, seed]), format: 'der', type: 'pkcs8' }),
    )
    return pair.publicBlob.equals(publicBlob) ? pair : undefined
  } catch (error) {
    if (error instanceof SshProtocolError) return undefined
    throw error
  }
}
