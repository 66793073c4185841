import { readFileSync } from 'node:fs'
import { isIP } from 'node:net'
import {
  type ConnectionOptions,
  checkServerIdentity,
  createSecureContext,
  rootCertificates,
  type SecureContext,
} from 'node:tls'
import type { TlsIdentity } from '../api'
import { TlsMaterialError } from './errors'
import type { Trust } from './proxy'

/** Where Linux distributions keep what the machine trusts, in the order in which Go looks. */
const systemBundles = [
  '/etc/ssl/certs/ca-certificates.crt',
  '/etc/pki/tls/certs/ca-bundle.crt',
  '/etc/ssl/ca-bundle.pem',
  '/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem',
  '/etc/ssl/cert.pem',
]

let systemAuthorities: string[] | undefined

/**
 * What kubectl trusts where the kubeconfig names no authority: those of the machine, which companies add their own to.
 * Node brings its own list and knows nothing of the machine's.
 */
function authoritiesOfMachine(): string[] {
  systemAuthorities ??= [...rootCertificates, ...systemBundles.flatMap(readBundle).slice(0, 1)]
  return systemAuthorities
}

function readBundle(file: string): string[] {
  try {
    return [readFileSync(file, 'utf8')]
  } catch {
    return []
  }
}

/** The TLS options for one server as one identity. Making them parses certificates: keep them while neither changes. */
export interface TlsSettings {
  readonly context: SecureContext
  readonly servername: string
  readonly rejectUnauthorized: boolean
  readonly checkServerIdentity: NonNullable<ConnectionOptions['checkServerIdentity']>
}

/** Throws TlsMaterialError for what is no certificate or key, or where the two do not belong together. */
export function makeTlsSettings(host: string, identity: TlsIdentity): TlsSettings {
  const name = identity.serverName ?? host
  return {
    context: makeContext(identity),
    // An address is no server name (RFC 6066, section 3).
    servername: isIP(name) ? '' : name,
    rejectUnauthorized: !identity.skipVerify,
    checkServerIdentity: (_host, certificate) => checkServerIdentity(name, certificate),
  }
}

/** As kubectl does, a proxy that speaks TLS is trusted by the cluster's authority as well as by the machine's. */
export function proxyTrust({ ca, skipVerify }: TlsIdentity): Trust {
  return { ca: [...authoritiesOfMachine(), ...(ca ? [ca] : [])], rejectUnauthorized: !skipVerify }
}

function makeContext({ ca, cert, key }: TlsIdentity): SecureContext {
  try {
    return createSecureContext({
      minVersion: 'TLSv1.2',
      ca: ca ?? authoritiesOfMachine(),
      ...(cert && { cert }),
      ...(key && { key }),
    })
  } catch (error) {
    throw new TlsMaterialError(error)
  }
}

/** Whether a connection of one would do for the other. */
export function sameIdentity(left: TlsIdentity, right: TlsIdentity): boolean {
  if (left === right) return true
  const same = (one: string | Buffer | undefined, other: string | Buffer | undefined) =>
    one === other || (one !== undefined && other !== undefined && Buffer.from(one).equals(Buffer.from(other)))
  return (
    same(left.ca, right.ca) &&
    same(left.cert, right.cert) &&
    same(left.key, right.key) &&
    left.serverName === right.serverName &&
    left.skipVerify === right.skipVerify
  )
}
