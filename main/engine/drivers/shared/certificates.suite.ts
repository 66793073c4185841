import { generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto'
import { isIP } from 'node:net'

/** Certificates for tests, X.509 in DER by hand: nothing in Node makes them, and openssl is not on every machine. */
export interface TestCertificate {
  readonly cert: string
  readonly key: string
}

export interface TestAuthority extends TestCertificate {
  issue(options?: IssueOptions): TestCertificate
}

export interface IssueOptions {
  readonly commonName?: string
  /** Names and addresses. Absent: `localhost` and 127.0.0.1. */
  readonly names?: readonly string[]
  readonly notBefore?: Date
  readonly notAfter?: Date
}

const sequence = (...parts: readonly Buffer[]) => tagged(0x30, ...parts)
const objectId = (...bytes: readonly number[]) => tagged(0x06, Buffer.from(bytes))
const ecdsaWithSha256 = sequence(objectId(0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02))

function tagged(tag: number, ...parts: readonly Buffer[]): Buffer {
  const content = Buffer.concat(parts)
  const { length } = content
  const size =
    length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, Math.floor(length / 256), length % 256]
  return Buffer.concat([Buffer.from([tag, ...size]), content])
}

const name = (commonName: string) =>
  sequence(tagged(0x31, sequence(objectId(0x55, 0x04, 0x03), tagged(0x0c, Buffer.from(commonName)))))

const time = (date: Date) =>
  tagged(0x18, Buffer.from(`${date.toISOString().replace(/[-:T]/g, '').slice(0, 14)}Z`))

const extension = (id: Buffer, value: Buffer, critical = false) =>
  sequence(id, ...(critical ? [tagged(0x01, Buffer.from([0xff]))] : []), tagged(0x04, value))

const alternativeName = (value: string) =>
  isIP(value) === 4
    ? tagged(0x87, Buffer.from(value.split('.').map(Number)))
    : tagged(0x82, Buffer.from(value))

interface Issuer {
  readonly commonName: string
  readonly key: KeyObject
}

function makeCertificate(
  subject: string,
  publicKey: KeyObject,
  issuer: Issuer,
  extensions: readonly Buffer[],
  { notBefore, notAfter }: IssueOptions = {},
): string {
  const hour = 3_600_000
  const toBeSigned = sequence(
    tagged(0xa0, tagged(0x02, Buffer.from([2]))),
    tagged(0x02, Buffer.concat([Buffer.from([1]), randomBytes(8)])),
    ecdsaWithSha256,
    name(issuer.commonName),
    sequence(
      time(notBefore ?? new Date(Date.now() - hour)),
      time(notAfter ?? new Date(Date.now() + 24 * hour)),
    ),
    name(subject),
    publicKey.export({ type: 'spki', format: 'der' }),
    tagged(0xa3, sequence(...extensions)),
  )
  const signature = sign('sha256', toBeSigned, issuer.key)
  const der = sequence(toBeSigned, ecdsaWithSha256, tagged(0x03, Buffer.from([0]), signature))
  return `-----BEGIN CERTIFICATE-----\n${(der.toString('base64').match(/.{1,64}/g) ?? []).join('\n')}\n-----END CERTIFICATE-----\n`
}

const makeKeys = () => generateKeyPairSync('ec', { namedCurve: 'P-256' })
const pem = (key: KeyObject) => key.export({ type: 'pkcs8', format: 'pem' }).toString()

export function makeAuthority(): TestAuthority {
  const { publicKey, privateKey } = makeKeys()
  const commonName = `Test authority ${randomBytes(4).toString('hex')}`
  const issuer = { commonName, key: privateKey }
  const isAuthority = extension(objectId(0x55, 0x1d, 0x13), sequence(tagged(0x01, Buffer.from([0xff]))), true)
  return {
    cert: makeCertificate(commonName, publicKey, issuer, [isAuthority]),
    key: pem(privateKey),
    issue: (options = {}) => {
      const own = makeKeys()
      const names = (options.names ?? ['localhost', '127.0.0.1']).map(alternativeName)
      const extensions = [extension(objectId(0x55, 0x1d, 0x11), sequence(...names))]
      const subject = options.commonName ?? 'test'
      return {
        cert: makeCertificate(subject, own.publicKey, issuer, extensions, options),
        key: pem(own.privateKey),
      }
    },
  }
}
