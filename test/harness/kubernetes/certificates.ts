import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { command } from '../command'

/** Paths of a certificate and its key, PEM. */
export interface Certificate {
  readonly certificate: string
  readonly key: string
}

export interface Subject {
  /** Kubernetes takes it for the user. */
  readonly commonName: string
  /** Kubernetes takes them for the user's groups. */
  readonly organizations?: readonly string[]
  /** As openssl writes them: `IP:127.0.0.1`, `DNS:localhost`. Makes it a server's certificate as well. */
  readonly names?: readonly string[]
  /** Default 30. */
  readonly days?: number
}

const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes']

export const certificateIn = (folder: string, name: string): Certificate => ({
  certificate: join(folder, `${name}.crt`),
  key: join(folder, `${name}.key`),
})

/** Makes an authority of one's own. */
export async function makeAuthority(made: Certificate): Promise<void> {
  await command('openssl', [
    ...['req', '-x509', ...curve, '-days', '30', '-subj', '/CN=berth-test-authority'],
    ...['-addext', 'keyUsage=critical,keyCertSign,cRLSign'],
    ...['-keyout', made.key, '-out', made.certificate],
  ])
}

/** Makes a certificate that `authority` has signed. */
export async function makeCertificate(
  authority: Certificate,
  made: Certificate,
  subject: Subject,
): Promise<void> {
  const request = `${made.certificate}.request`
  const extensions = `${made.certificate}.extensions`
  const organizations = (subject.organizations ?? []).map((one) => `/O=${one}`).join('')
  const names = subject.names ? `subjectAltName=${subject.names.join(',')}\n` : ''
  await writeFile(
    extensions,
    `basicConstraints=critical,CA:FALSE
keyUsage=critical,digitalSignature
extendedKeyUsage=clientAuth${names ? ',serverAuth' : ''}
${names}`,
  )
  await command('openssl', [
    ...['req', '-new', ...curve, '-subj', `${organizations}/CN=${subject.commonName}`],
    ...['-keyout', made.key, '-out', request],
  ])
  // A serial number of its own makes no file, which several of these at once would fight for.
  const serial = `0x${randomBytes(12).toString('hex')}`
  await command('openssl', [
    ...['x509', '-req', '-in', request, '-extfile', extensions, '-days', String(subject.days ?? 30)],
    ...['-CA', authority.certificate, '-CAkey', authority.key, '-set_serial', serial],
    ...['-out', made.certificate],
  ])
  await rm(request)
  await rm(extensions)
}

/** Makes a key pair for signing tokens, PEM. */
export async function makeKeyPair(privateKey: string, publicKey: string): Promise<void> {
  const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  await writeFile(privateKey, pair.privateKey.export({ type: 'sec1', format: 'pem' }), { mode: 0o600 })
  await writeFile(publicKey, pair.publicKey.export({ type: 'spki', format: 'pem' }))
}
